"""Keeps account of the responses that are being relayed, so that they can be closed properly.

If a service is lost in the middle of an answer, the client is not left with half of one: whatever
is open is closed in the order of :mod:`antiphon.core.output_items`, with the text that has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from antiphon.core.signals import Failure
from antiphon.runtime.upstream.frames import Passing, decoded
from antiphon.wire.codec import encode
from antiphon.wire.response import RealtimeResponseUsage

__all__ = ["RelayedResponses", "cancelled", "failed"]

_Object = dict[str, Any]

_TEXT_DELTAS = frozenset({"response.output_text.delta", "response.output_audio_transcript.delta"})

_ARGUMENT_DELTAS = frozenset(
    {"response.function_call_arguments.delta", "response.mcp_call_arguments.delta"}
)

_CONVERSATION_OF_OUTPUT = frozenset(
    {"conversation.item.added", "conversation.item.done", "conversation.item.deleted"}
)

_CONTENT_TYPES = {"text": "output_text", "audio": "output_audio"}
"""What parts are called in items, by what they are called in ``response.content_part.*``."""

_CUT_SHORT = {
    "type": "tool_execution_error",
    "message": "The response ended before the call was whole, so it was not made.",
}


def failed(response: _Object, failure: Failure) -> _Object:
    """Return a response that has failed, with the output and usage that it has."""
    error = {"type": failure.type, "code": failure.code, "message": failure.message}
    return _ended(response, {"type": "failed", "error": error})


def cancelled(response: _Object) -> _Object:
    """Return a response that nobody waits for any more, with the output and usage that it has."""
    return _ended(response, {"type": "cancelled", "reason": "client_cancelled"})


def _ended(response: _Object, details: _Object) -> _Object:
    return response | {
        "status": details["type"],
        "status_details": details,
        "usage": response.get("usage") or msgspec.to_builtins(RealtimeResponseUsage()),
    }


@dataclass
class _Part:
    """A content part, and the text of it that has come."""

    shown: _Object
    text: str = ""

    @property
    def is_audio(self) -> bool:
        return bool(self.shown.get("type") == "audio")

    @property
    def whole(self) -> _Object:
        """The part as it is shown by itself."""
        return self.shown | {"transcript" if self.is_audio else "text": self.text}

    @property
    def content(self) -> _Object:
        """The part as it is shown in an item."""
        kind = str(self.shown.get("type"))
        return self.whole | {"type": _CONTENT_TYPES.get(kind, kind)}


@dataclass
class _Item:
    """An output item that has not been done with."""

    shown: _Object
    previous_item_id: str | None = None
    in_conversation: bool = False
    arguments: str = ""
    parts: dict[int, _Part] = field(default_factory=dict)
    closed: set[tuple[str, int]] = field(default_factory=set)  # frames, by part

    @property
    def cut_short(self) -> _Object:
        """The item as it is when nothing more comes of it."""
        item = dict(self.shown)
        if "status" in item:
            item["status"] = "incomplete"
        if "content" in item:
            item["content"] = [part.content for _, part in sorted(self.parts.items())]
        if "arguments" in item:
            item["arguments"] = self.arguments or item["arguments"]
        if item.get("type") == "mcp_call":
            item["error"] = _CUT_SHORT
        return item


@dataclass
class _Response:
    """A response that has not ended."""

    shown: _Object
    open_items: dict[int, _Item] = field(default_factory=dict)  # by output_index
    output: list[_Object] = field(default_factory=list)


class RelayedResponses:
    """The responses that have not ended.

    Args:
        event_id: Makes ids for frames that the service did not send.
    """

    def __init__(self, event_id: Callable[[], str]) -> None:
        self._event_id = event_id
        self._open: dict[str, _Response] = {}

    @property
    def active(self) -> bool:
        """Whether one of them writes to the conversation."""
        return any(one.shown.get("conversation_id") for one in self._open.values())

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, response_id: str) -> bool:
        return response_id in self._open

    def observe(self, passing: Passing) -> None:
        """Take note of a frame that is passed on to the client."""
        kind = passing.type
        if kind == "response.created":
            response = decoded(passing.response)
            self._open[str(response.get("id"))] = _Response(response)
        elif kind == "response.done":
            self._open.pop(str(decoded(passing.response).get("id")), None)
        elif self._open and kind.startswith("response."):
            self._observe_output(passing)
        elif self._open and kind.startswith("conversation.item."):
            self._observe_conversation(passing)

    def fail_all(self, failure: Failure) -> list[bytes]:
        """Return the frames that close every response, and with it each of its open items.

        They are to be observed like those of the service.
        """
        return self._close_all(partial(failed, failure=failure))

    def cancel_all(self) -> list[bytes]:
        """Return the same frames for responses that the client has left alone."""
        return self._close_all(cancelled)

    def _close_all(self, end: Callable[[_Object], _Object]) -> list[bytes]:
        return [
            encode(frame)
            for response_id, response in self._open.items()
            for frame in self._closing(response_id, response, end)
        ]

    # --- what has come ----------------------------------------------------------------------------

    def _observe_output(self, passing: Passing) -> None:
        response = self._open.get(passing.response_id or "")
        if response is None:
            return
        if passing.type == "response.output_item.added":
            response.open_items[passing.output_index] = _Item(decoded(passing.item))
        elif passing.type == "response.output_item.done":
            response.open_items.pop(passing.output_index, None)
            response.output.append(decoded(passing.item))
        elif passing.output_index in response.open_items:
            _observe_content(response.open_items[passing.output_index], passing)

    def _observe_conversation(self, passing: Passing) -> None:
        if passing.type not in _CONVERSATION_OF_OUTPUT:
            return
        item_id = passing.item_id or decoded(passing.item).get("id")
        item = next((one for one in self._items() if one.shown.get("id") == item_id), None)
        if item is None:
            return
        match passing.type:
            case "conversation.item.added":
                item.in_conversation = True
                item.previous_item_id = passing.previous_item_id
            case "conversation.item.done" | "conversation.item.deleted":
                item.in_conversation = False  # nothing is left to say to the conversation

    def _items(self) -> Iterator[_Item]:
        return (item for one in self._open.values() for item in one.open_items.values())

    # --- what is still to come --------------------------------------------------------------------

    def _closing(
        self, response_id: str, response: _Response, end: Callable[[_Object], _Object]
    ) -> Iterator[_Object]:
        output = list(response.output)
        for output_index, item in sorted(response.open_items.items()):
            yield from self._closing_of(item, response_id, output_index)
            output.append(item.cut_short)
        ended = end(response.shown | {"output": output})
        yield {"type": "response.done", "event_id": self._event_id(), "response": ended}

    def _closing_of(self, item: _Item, response_id: str, output_index: int) -> Iterator[_Object]:
        def frame(kind: str, **fields: object) -> _Object:
            place = {"response_id": response_id, "output_index": output_index}
            return {"type": kind, "event_id": self._event_id(), **place, **fields}

        item_id = item.shown.get("id")
        for content_index, part in sorted(item.parts.items()):
            for kind, fields in _closing_of_part(part):
                if (kind, content_index) not in item.closed:
                    yield frame(kind, item_id=item_id, content_index=content_index, **fields)
        for kind, fields in _closing_of_call(item):
            if (kind, 0) not in item.closed:
                yield frame(kind, item_id=item_id, **fields)
        if item.in_conversation:
            yield {
                "type": "conversation.item.done",
                "event_id": self._event_id(),
                "previous_item_id": item.previous_item_id,
                "item": item.cut_short,
            }
        yield frame("response.output_item.done", item=item.cut_short)


def _observe_content(item: _Item, passing: Passing) -> None:
    kind = passing.type
    if kind == "response.content_part.added":
        item.parts[passing.content_index] = _Part(decoded(passing.part))
    elif kind in _TEXT_DELTAS and passing.content_index in item.parts:
        item.parts[passing.content_index].text += msgspec.json.decode(passing.delta, type=str)
    elif kind in _ARGUMENT_DELTAS:
        item.arguments += msgspec.json.decode(passing.delta, type=str)
    elif kind.endswith(".done"):
        item.closed.add((kind, passing.content_index))


def _closing_of_part(part: _Part) -> Iterator[tuple[str, _Object]]:
    """Yield the frames that a part ends with, and what each carries."""
    if part.is_audio:
        yield "response.output_audio.done", {}
        yield "response.output_audio_transcript.done", {"transcript": part.text}
    else:
        yield "response.output_text.done", {"text": part.text}
    yield "response.content_part.done", {"part": part.whole}


def _closing_of_call(item: _Item) -> Iterator[tuple[str, _Object]]:
    """Yield the frame that a call's arguments end with, if the item is a call."""
    match item.shown.get("type"):
        case "function_call":
            call = {"call_id": item.shown.get("call_id"), "name": item.shown.get("name")}
            yield (
                "response.function_call_arguments.done",
                {**call, "arguments": item.arguments},
            )
        case "mcp_call":
            yield "response.mcp_call_arguments.done", {"arguments": item.arguments}
