"""The life of one response.

A response waits until the words of its context are known, then works, then ends in exactly one of
four ways. The table below is the whole of it; ``docs/reference/response-states.md`` is drawn from
it. An input that the table does not know in a state is a mistake in Antiphon, and raises.

Whatever ends it, the end looks the same to the client: each open item closes, in the order of
``output_index``, then ``response.done`` leaves, all in one drain. Nothing of the response follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Literal

from msgspec import UNSET, Struct

from antiphon.core.conversation import Conversation, Entry
from antiphon.core.effects import KeepResponse
from antiphon.core.images import without_images
from antiphon.core.mcp.item import CalledMcpTool
from antiphon.core.mcp.offer import OfferedTool
from antiphon.core.outgoing import Outgoing
from antiphon.core.output_items import (
    CalledFunction,
    ItemState,
    OutputItem,
    Site,
    SpokenMessage,
    WrittenMessage,
)
from antiphon.core.signals import (
    AudioGenerated,
    Failure,
    GenerationFinished,
    PromptMeasured,
    SegmentSpoken,
    TextGenerated,
    ToolCallGenerated,
)
from antiphon.core.usage import UsageCount
from antiphon.wire import server_events as sent
from antiphon.wire.fields import Modality
from antiphon.wire.items import Item, ItemStatus
from antiphon.wire.response import (
    RealtimeResponse,
    RealtimeResponseAudio,
    RealtimeResponseError,
    RealtimeResponseStatus,
    RealtimeResponseUsage,
    ResponseStatus,
    StatusReason,
)

__all__ = ["TRANSITIONS", "Input", "Response", "ResponseSettings", "State"]


class State(Enum):
    """Where a response is in its life."""

    WAITING = "waiting"
    """Created; the words of some audio in its context are not known yet."""
    ACTIVE = "active"
    """The engines are working on it."""
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INCOMPLETE = "incomplete"


class Input(Enum):
    """What can happen to a response."""

    START = "start"
    """The words of its context are known."""
    CONTENT = "content"
    """The engines put something out."""
    FINISH = "finish"
    """There is nothing more to say."""
    CUT_OFF = "cut off"
    """A token limit or a content filter ended the generation."""
    CANCEL = "cancel"
    """The client, or the user by speaking, wants it to stop."""
    FAIL = "fail"
    """An engine gave up."""


TRANSITIONS: dict[tuple[State, Input], State] = {
    (State.WAITING, Input.START): State.ACTIVE,
    (State.WAITING, Input.FINISH): State.COMPLETED,
    (State.WAITING, Input.CANCEL): State.CANCELLED,
    (State.WAITING, Input.FAIL): State.FAILED,
    (State.ACTIVE, Input.CONTENT): State.ACTIVE,
    (State.ACTIVE, Input.FINISH): State.COMPLETED,
    (State.ACTIVE, Input.CUT_OFF): State.INCOMPLETE,
    (State.ACTIVE, Input.CANCEL): State.CANCELLED,
    (State.ACTIVE, Input.FAIL): State.FAILED,
}
"""(state, input) → state. The states that no row starts from are final."""


NO_TOOLS: Mapping[str, OfferedTool] = MappingProxyType({})


class ResponseSettings(Struct, frozen=True, kw_only=True):
    """What the client reads back in every frame that shows the whole response.

    Attributes:
        modality: Whether the answer is written or spoken.
        max_output_tokens: Limit over text and tool calls.
        audio: Format and voice of the speech.
        metadata: The client's own labels.
    """

    modality: Modality
    max_output_tokens: int | Literal["inf"]
    audio: RealtimeResponseAudio
    metadata: dict[str, str] | None


class Response:
    """One response, from ``response.created`` to ``response.done``."""

    def __init__(
        self,
        outgoing: Outgoing,
        conversation: Conversation | None,
        *,
        settings: ResponseSettings,
        context: tuple[Entry, ...],
        answers_silence: bool = False,
        has_own_input: bool = False,
        mcp_tools: Mapping[str, OfferedTool] = NO_TOOLS,
        response_id: str | None = None,
    ) -> None:
        self.id = response_id or outgoing.entropy.identifier("resp")
        self.state = State.WAITING
        self.context = context
        self.answers_silence = answers_silence
        self._has_own_input = has_own_input
        self._outgoing = outgoing
        self._conversation = conversation
        self._settings = settings
        self._items: list[OutputItem] = []
        self._output: list[Item] = []
        self._message: WrittenMessage | SpokenMessage | None = None
        self._mcp_tools = mcp_tools
        self._calls: dict[int, CalledFunction | CalledMcpTool] = {}
        self._mcp_calls: list[CalledMcpTool] = []  # whole, and to be made
        self._usage = UsageCount()
        outgoing.send(
            sent.ResponseCreated(
                event_id=outgoing.event_id(), response=self._snapshot("in_progress", None)
            )
        )

    @property
    def in_conversation(self) -> bool:
        """Whether its output becomes part of the default conversation."""
        return self._conversation is not None

    @property
    def spoken_ms(self) -> float:
        """How long its audio is so far."""
        return self._usage.spoken_ms

    @property
    def usage(self) -> RealtimeResponseUsage:
        """What it has used so far, in and out."""
        return self._usage.total()

    @property
    def ready(self) -> bool:
        """Whether it still waits, but need not any more: the words of its context are known."""
        return self.state is State.WAITING and not any(entry.is_awaited for entry in self.context)

    def made_call(self, call_id: str) -> bool:
        """Say whether this response called a function under that id."""
        return any(
            isinstance(call, CalledFunction) and call.call_id == call_id
            for call in self._calls.values()
        )

    def take_mcp_calls(self) -> list[CalledMcpTool]:
        """Return the calls of MCP tools that have become whole since the last time."""
        calls, self._mcp_calls = self._mcp_calls, []
        return calls

    # --- what happens to it ---------------------------------------------------------------------

    def start(self, seen: Iterable[Entry]) -> None:
        """Note that the engines begin to work, on what the model sees of the context."""
        self._move(Input.START)
        self._usage.heard(sum(entry.audio_tokens for entry in seen))

    def measure(self, signal: PromptMeasured) -> None:
        """Note how long the context was."""
        self._usage.read(signal.input_tokens, signal.cached_tokens, signal.image_tokens)

    def write(self, signal: TextGenerated) -> None:
        """Put out text, or words that are about to be spoken."""
        self._move(Input.CONTENT)
        self._usage.wrote(signal.tokens)
        if not signal.text:
            return
        message = self._open_message()
        if isinstance(message, SpokenMessage):
            message.say(signal.text)
        else:
            message.write(signal.text)

    def sound(self, signal: AudioGenerated) -> SpokenMessage:
        """Put out audio of the words, and return the message that it speaks."""
        self._move(Input.CONTENT)
        message = self._open_message()
        assert isinstance(message, SpokenMessage), "a written answer has no audio"
        message.sound(signal.pcm, signal.duration_ms)
        self._usage.spoke(signal.duration_ms)
        return message

    def align(self, signal: SegmentSpoken) -> None:
        """Note which words the audio so far speaks."""
        if isinstance(self._message, SpokenMessage):
            self._message.align(signal.spoken_chars)

    def call(self, signal: ToolCallGenerated) -> None:
        """Put out more of a function call."""
        self._move(Input.CONTENT)
        self._usage.wrote(signal.tokens)
        call = self._calls.get(signal.index)
        if call is None:
            self._end_written_items()
            tool = self._mcp_tools.get(signal.name)
            site = self._next_site()
            call = CalledMcpTool(site, tool) if tool else CalledFunction(site, signal.name)
            self._calls[signal.index] = call
            self._open(call)
        if signal.arguments:
            call.write(signal.arguments)

    def finish(self, signal: GenerationFinished) -> None:
        """End it the way the engines ended."""
        self._move(Input.FINISH if signal.reason == "stop" else Input.CUT_OFF)
        self._usage.wrote_in_all(signal.output_tokens)
        match signal.reason:
            case "stop":
                self._end("completed")
            case "length":
                self._end("incomplete", reason="max_output_tokens")
            case "content_filter":
                self._end("incomplete", reason="content_filter")

    def complete(self) -> None:
        """End it: everything has been said."""
        self._move(Input.FINISH)
        self._end("completed")

    def cancel(self, reason: Literal["turn_detected", "client_cancelled"]) -> None:
        """End it: nobody wants to hear the rest."""
        self._move(Input.CANCEL)
        self._end("cancelled", reason=reason)

    def fail(self, failure: Failure) -> None:
        """End it: an engine gave up."""
        self._move(Input.FAIL)
        self._end("failed", failure=failure)

    # --- how it does it ---------------------------------------------------------------------------

    def _move(self, happened: Input) -> None:
        self.state = TRANSITIONS[self.state, happened]

    def _next_site(self) -> Site:
        return Site(self._outgoing, self._conversation, self.id, len(self._items))

    def _open(self, item: OutputItem) -> None:
        self._items.append(item)
        item.open()

    def _open_message(self) -> WrittenMessage | SpokenMessage:
        if self._message is None:
            spoken = self._settings.modality == "audio"
            site = self._next_site()
            self._message = SpokenMessage(site) if spoken else WrittenMessage(site)
            self._open(self._message)
        return self._message

    def _end_written_items(self) -> None:
        """Close what a new call shows to be complete, up to speech that is still going on."""
        for item in self._items:
            if item.state is ItemState.CLOSED:
                continue
            if isinstance(item, SpokenMessage):
                return
            self._close(item, "completed")
            if item is self._message:
                self._message = None

    def _close(self, item: OutputItem, status: ItemStatus) -> None:
        self._output.append(item.close(status))
        if isinstance(item, CalledMcpTool) and status == "completed":
            self._mcp_calls.append(item)

    def _end(
        self,
        status: Literal["completed", "cancelled", "failed", "incomplete"],
        *,
        reason: StatusReason | None = None,
        failure: Failure | None = None,
    ) -> None:
        item_status: ItemStatus = "completed" if status == "completed" else "incomplete"
        for item in self._items:
            if item.state is not ItemState.CLOSED:
                self._close(item, item_status)
        details = None
        if status != "completed":
            details = RealtimeResponseStatus(
                type=status,
                reason=reason or UNSET,
                error=_error_of(failure) if failure else UNSET,
            )
        response = self._snapshot(status, details)
        self._outgoing.send(
            sent.ResponseDone(event_id=self._outgoing.event_id(), response=response)
        )
        own_input = None
        if self._has_own_input:
            own_input = tuple(without_images(entry.item) for entry in self.context)
        self._outgoing.do(KeepResponse(response, own_input))

    def _snapshot(
        self,
        status: ResponseStatus,
        details: RealtimeResponseStatus | None,
    ) -> RealtimeResponse:
        return RealtimeResponse(
            id=self.id,
            status=status,
            status_details=details,
            output=tuple(self._output),
            conversation_id=self._conversation.id if self._conversation else None,
            output_modalities=(self._settings.modality,),
            max_output_tokens=self._settings.max_output_tokens,
            audio=self._settings.audio,
            usage=None if status == "in_progress" else self._usage.total(),
            metadata=self._settings.metadata,
        )


def _error_of(failure: Failure) -> RealtimeResponseError:
    return RealtimeResponseError(type=failure.type, code=failure.code, message=failure.message)
