"""One response and its items, from ``response.created`` to ``response.done``."""

from bisect import bisect_left
from enum import Enum
from math import ceil

from tests.support.ledger.frames import Frame, audio_ms

__all__ = ["OutputItem", "ResponseAccount", "Stage"]

_TEXT_DELTAS = {
    "response.output_text.delta",
    "response.output_audio_transcript.delta",
    "response.function_call_arguments.delta",
    "response.mcp_call_arguments.delta",
}
_TEXT_DONES = {
    "response.output_text.done": "text",
    "response.output_audio_transcript.done": "transcript",
    "response.function_call_arguments.done": "arguments",
    "response.mcp_call_arguments.done": "arguments",
}
_CALLS = {"function_call", "mcp_call"}
_STATUSES = {"completed", "cancelled", "failed", "incomplete"}

OUTPUT_AUDIO_TOKENS_PER_S = 20
"""As the manual says that speech is counted."""


class Stage(Enum):
    """How far an output item has come, by the frames of it."""

    ADDED = "added"
    IN_CONVERSATION = "in conversation"
    OPEN = "open"
    TEXT_DONE = "text done"
    PART_DONE = "part done"
    DONE = "done"


class OutputItem:
    """One item of a response.

    Attributes:
        text: The deltas of its text, transcript or arguments, put together.
        audio_ms: How long its audio is so far.
    """

    def __init__(self, item: Frame, output_index: int) -> None:
        self.id: str = item["id"]
        self.type: str = item["type"]
        self.call_id: str | None = item.get("call_id")
        self.output_index = output_index
        self.stage = Stage.ADDED
        self.text = ""
        self.audio_ms = 0.0
        self.audio_is_done = False
        self.final: Frame | None = None
        self._written_at_ms: list[float] = []  # for each delta: how much audio had come before
        self._written_chars: list[int] = []

    @property
    def has_audio(self) -> bool:
        return self.audio_ms > 0

    def write(self, delta: str) -> None:
        self._written_at_ms.append(self.audio_ms)
        self._written_chars.append(len(self.text))
        self.text += delta

    def chars_before(self, heard_ms: float) -> int:
        """Return how many characters had been written before the audio came to this point.

        What was written later cannot have been heard until then.
        """
        index = bisect_left(self._written_at_ms, heard_ms)
        return self._written_chars[index] if index < len(self._written_chars) else len(self.text)

    def finish(self, item: Frame) -> None:
        """Check the item's final form against everything that was sent of it."""
        assert self.type == "mcp_call" or item["status"] in {"completed", "incomplete"}
        if self.type in _CALLS:
            assert self.stage is Stage.TEXT_DONE
            assert item["arguments"] == self.text
            assert item.get("call_id") == self.call_id
        else:
            assert self.stage is Stage.PART_DONE
            (part,) = item["content"]
            key = "text" if part["type"] == "output_text" else "transcript"
            assert part[key] == self.text
            assert "audio" not in part
            assert self.audio_is_done == (part["type"] == "output_audio")
        self.stage = Stage.DONE
        self.final = item


class ResponseAccount:
    """One response, from created to done.

    Attributes:
        created: The response as ``response.created`` showed it.
        context: Ids of the items that it answers; ``None`` if they are the request's own.
        is_played: Whether the server plays it, so that its audio does not come in frames.
        items: What it puts out.
        tools: What it may call, as the client knows it.
        instructions: What the model is told; ``None`` if the client cannot know.
        done: The response as ``response.done`` showed it.
    """

    def __init__(
        self, created: Frame, context: tuple[str, ...] | None, *, is_played: bool = False
    ) -> None:
        assert created["status"] == "in_progress"
        assert created["output"] == []
        assert created["usage"] is None
        assert created["status_details"] is None
        self.created = created
        self.context = context
        self.is_played = is_played
        self.items: list[OutputItem] = []
        self.tools: list[Frame] = []
        self.instructions: str | None = None
        self.done: Frame | None = None

    @property
    def in_conversation(self) -> bool:
        return self.created["conversation_id"] is not None

    def made_call(self, call_id: str) -> bool:
        return any(item.call_id == call_id for item in self.items)

    def item(self, frame: Frame) -> OutputItem:
        """Return the item that a frame is about."""
        item = self.items[frame["output_index"]]
        assert frame.get("item_id", item.id) == item.id
        assert frame.get("content_index", 0) == 0
        assert frame.get("call_id", item.call_id) == item.call_id
        return item

    def open(self, frame: Frame) -> OutputItem:
        """Take the announcement of an item."""
        assert frame["output_index"] == len(self.items)
        item = frame["item"]
        assert item["type"] == "mcp_call" or item["status"] == "in_progress"
        assert item.get("content", []) == []
        assert item.get("arguments", "") == ""
        self.items.append(OutputItem(item, frame["output_index"]))
        return self.items[-1]

    def close(self, frame: Frame) -> None:
        """Take the final form of an item."""
        item = self.item(frame)
        assert frame["item"]["id"] == item.id
        earlier = self.items[: item.output_index]
        assert all(one.stage is Stage.DONE for one in earlier), "items close in order"
        item.finish(frame["item"])

    def read_content(self, kind: str, frame: Frame) -> None:
        """Take more of an item's content."""
        item = self.item(frame)
        announced = Stage.IN_CONVERSATION if self.in_conversation else Stage.ADDED
        if item.type in _CALLS and item.stage is announced:
            item.stage = Stage.OPEN  # a call has no content part
        if kind == "response.content_part.added":
            assert item.stage is announced
            item.stage = Stage.OPEN
        elif kind in _TEXT_DELTAS:
            assert item.stage is Stage.OPEN
            item.write(frame["delta"])
            padded = len(frame["delta"]) + len(frame["obfuscation"])
            assert padded > 0
            assert padded % 16 == 0
        elif kind == "response.output_audio.delta":
            assert item.stage is Stage.OPEN
            assert not item.audio_is_done
            assert not self.is_played
            item.audio_ms += audio_ms(frame["delta"], self.created["audio"]["output"]["format"])
        elif kind == "response.output_audio.done":
            assert item.stage is Stage.OPEN
            assert not item.audio_is_done
            item.audio_is_done = True
        elif kind in _TEXT_DONES:
            assert item.stage is Stage.OPEN
            assert frame[_TEXT_DONES[kind]] == item.text
            item.stage = Stage.TEXT_DONE
        else:
            assert kind == "response.content_part.done"
            assert item.stage is Stage.TEXT_DONE
            part = frame["part"]
            assert part["text" if part["type"] == "text" else "transcript"] == item.text
            item.stage = Stage.PART_DONE

    def finish(self, response: Frame) -> None:
        """Check the end against everything that was sent before it."""
        assert all(item.stage is Stage.DONE for item in self.items)
        assert response["output"] == [item.final for item in self.items]
        status, details = response["status"], response["status_details"]
        assert status in _STATUSES
        assert (details is None) == (status == "completed")
        if details is not None:
            assert details["type"] == status
            assert ("error" in details) == (status == "failed")
            assert ("reason" in details) == (status in {"cancelled", "incomplete"})
        if status == "completed":
            assert all(item.get("status") in {"completed", None} for item in response["output"])
        changed = {"status", "status_details", "output", "usage"}
        for key in self.created.keys() - changed:
            assert response[key] == self.created[key]
        self._check_usage(response["usage"])
        self.done = response

    def _check_usage(self, usage: Frame) -> None:
        read, put_out = usage["input_token_details"], usage["output_token_details"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["input_tokens"] == (
            read["text_tokens"] + read["audio_tokens"] + read["image_tokens"]
        )
        assert usage["output_tokens"] == put_out["text_tokens"] + put_out["audio_tokens"]
        assert read["cached_tokens"] <= usage["input_tokens"]
        assert read["cached_tokens"] == sum(read["cached_tokens_details"].values())
        if self.is_played:
            return  # how much audio there was is not told
        spoken_ms = sum(item.audio_ms for item in self.items)
        spoken = spoken_ms * OUTPUT_AUDIO_TOKENS_PER_S / 1000
        assert put_out["audio_tokens"] == ceil(round(spoken, 6))
