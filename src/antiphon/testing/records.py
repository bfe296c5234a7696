"""What an app did in one session, and assertions on it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import NamedTuple

from antiphon.testing.journal import PATIENCE_S, Event, Journal, Note

__all__ = ["Interruption", "SessionRecord", "ToolOutput"]

_SERVER_FAILED = 1011


class ToolOutput(NamedTuple):
    """What a function of the app's returned.

    Attributes:
        name: The function's name; ``""`` if the app answers a call that was not made.
        arguments: What it was called with, as JSON text.
        output: What it returned.
        call_id: The id of the call.
    """

    name: str
    arguments: str
    output: str
    call_id: str


class Interruption(NamedTuple):
    """An answer that the user did not hear to its end.

    Attributes:
        response_id: The answer's id.
        reason: Why the server broke it off: ``turn_detected`` or ``client_cancelled``; ``None`` if
            it was complete already, and only the app stopped playing it.
        audio_end_ms: How much was heard, as the app told by ``conversation.item.truncate``;
            ``None`` if it did not.
    """

    response_id: str
    reason: str | None
    audio_end_ms: int | None


class SessionRecord:
    """One connection of an app, and what came over it.

    Args:
        cut: Breaks the connection.

    Attributes:
        asked: The user's words, once for each time that the language model was to answer them.
        closed: Whether the connection has ended.
        close_code: With which code the server closed it; ``None`` if it did not.
    """

    def __init__(self, cut: Callable[[], None]) -> None:
        self._cut = cut
        self._journal = Journal()
        self.asked: list[str] = []
        self.closed = False
        self.close_code: int | None = None

    def add(self, note: Note) -> None:
        """Note an event (the server's side)."""
        self._journal.add(note)

    def drop(self) -> None:
        """Break the connection without a word, as a network does. Nothing happens if it is over."""
        self._cut()

    # --- what passed ------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The session's id, as the app knows it; ``""`` before ``session.created``."""
        created = self._of("server", "session.created")
        return next((str(event["session"]["id"]) for event in created), "")

    @property
    def events(self) -> tuple[Event, ...]:
        """All events that the app sent."""
        return tuple(event for sender, event in self._journal.notes if sender == "app")

    @property
    def received(self) -> tuple[Event, ...]:
        """All events that the app was sent."""
        return tuple(event for sender, event in self._journal.notes if sender == "server")

    def wait_for(self, event_type: str, timeout_s: float = PATIENCE_S) -> Event:
        """Wait for the next event of a type; see :meth:`Journal.wait_for`."""
        return self._journal.wait_for(event_type, timeout_s)

    async def wait_for_async(self, event_type: str, timeout_s: float = PATIENCE_S) -> Event:
        """Wait for the next event of a type; see :meth:`Journal.wait_for_async`."""
        return await self._journal.wait_for_async(event_type, timeout_s)

    # --- what it means ----------------------------------------------------------------------------

    @property
    def updates(self) -> tuple[Event, ...]:
        """The settings that the app asked for with each ``session.update``."""
        return tuple(event["session"] for event in self._of("app", "session.update"))

    @property
    def tool_outputs(self) -> tuple[ToolOutput, ...]:
        """What the app's functions returned."""
        calls = {
            event["item"]["call_id"]: (event["item"]["name"], event["item"]["arguments"])
            for event in self._of("server", "response.output_item.done")
            if event["item"]["type"] == "function_call"
        }
        return tuple(
            ToolOutput(*calls.get(item["call_id"], ("", "")), item["output"], item["call_id"])
            for item in (event["item"] for event in self._of("app", "conversation.item.create"))
            if item.get("type") == "function_call_output"
        )

    @property
    def heard_audio(self) -> bytes:
        """The audio that the app sent, in the session's input format."""
        appended = self._of("app", "input_audio_buffer.append")
        return b"".join(base64.b64decode(event["audio"]) for event in appended)

    @property
    def spoken_audio(self) -> bytes:
        """The audio that the app was sent, in the session's output format."""
        deltas = self._of("server", "response.output_audio.delta")
        return b"".join(base64.b64decode(event["delta"]) for event in deltas)

    @property
    def interruptions(self) -> tuple[Interruption, ...]:
        """The answers that were broken off, by the server or by the app, in order."""
        response_of = {
            event["item"]["id"]: event["response_id"]
            for event in self._of("server", "response.output_item.added")
        }
        reasons = {
            response["id"]: response["status_details"]["reason"]
            for response in (event["response"] for event in self._of("server", "response.done"))
            if response["status"] == "cancelled"
        }
        heard_ms = {
            response_of.get(event["item_id"], ""): event["audio_end_ms"]
            for event in self._of("app", "conversation.item.truncate")
        }
        return tuple(
            Interruption(response_id, reasons.get(response_id), heard_ms.get(response_id))
            for response_id in dict.fromkeys((*reasons, *heard_ms))
        )

    @property
    def errors(self) -> tuple[str, ...]:
        """What the server complained of: ``error`` events, and responses that failed.

        A connection that it closed since it could not go on itself is the last of them.
        """
        return tuple(self._complaints())

    # --- assertions -------------------------------------------------------------------------------

    def assert_asked(self, words: str) -> None:
        """Fail unless the language model was asked something that contains words, in any case."""
        if not any(words.casefold() in asked.casefold() for asked in self.asked):
            raise self._failure(f"The app never asked {words!r}. It asked: {_listed(self.asked)}.")

    def assert_tool_output(self, name: str, *, contains: str = "") -> ToolOutput:
        """Fail unless a function has returned something that contains a text; return the newest."""
        outputs = [one for one in self.tool_outputs if one.name == name]
        fitting = [one for one in outputs if contains in one.output]
        if fitting:
            return fitting[-1]
        if outputs:
            returned = _listed([one.output for one in outputs])
            raise self._failure(f"{name} never returned {contains!r}. It returned: {returned}.")
        others = _listed([one.name for one in self.tool_outputs])
        raise self._failure(f"The app sent no output of {name}. Outputs it sent are of: {others}.")

    def assert_no_errors(self) -> None:
        """Fail if the server complained of anything, or failed on purpose."""
        if self.errors:
            raise self._failure("There were errors: " + "; ".join(self.errors))

    def _failure(self, what: str) -> AssertionError:
        return AssertionError(f"{what}\nWhat passed last:\n{self._journal}")

    def _of(self, sender: str, event_type: str) -> Iterator[Event]:
        return (
            event
            for by, event in self._journal.notes
            if by == sender and event.get("type") == event_type
        )

    def _complaints(self) -> Iterator[str]:
        for event in self.received:
            match event:
                case {"type": "error", "error": {"message": message}}:
                    yield message
                case {"type": "response.done", "response": {"status": "failed"} as response}:
                    yield response["status_details"]["error"]["message"]
        if self.close_code == _SERVER_FAILED:
            yield f"The server closed the connection with {_SERVER_FAILED}: it made a mistake."


def _listed(texts: list[str]) -> str:
    return ", ".join(map(repr, texts)) or "nothing"
