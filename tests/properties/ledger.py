"""What a client may conclude from the frames it was sent; contradictions fail the test.

A ledger reads frames in order and knows nothing of the server. It holds the promises that hold for
every session: what was added gets done, what was done equals its deltas, what has ended is over.
"""

from collections.abc import Iterator
from enum import Enum

from tests.core.support import Frame

__all__ = ["Ledger", "OutputItem", "ResponseAccount"]

_TEXT_DELTAS = {
    "response.output_text.delta",
    "response.output_audio_transcript.delta",
    "response.function_call_arguments.delta",
}
_TEXT_DONES = {
    "response.output_text.done": "text",
    "response.output_audio_transcript.done": "transcript",
    "response.function_call_arguments.done": "arguments",
}
_STATUSES = {"completed", "cancelled", "failed", "incomplete"}


class Stage(Enum):
    """How far an output item has come, by the frames of it."""

    ADDED = "added"
    IN_CONVERSATION = "in conversation"
    OPEN = "open"
    TEXT_DONE = "text done"
    PART_DONE = "part done"
    DONE = "done"


class OutputItem:
    """One item of a response."""

    def __init__(self, item: Frame, output_index: int) -> None:
        self.id: str = item["id"]
        self.type: str = item["type"]
        self.output_index = output_index
        self.stage = Stage.ADDED
        self.text = ""
        self.has_audio = False
        self.audio_is_done = False
        self.final: Frame | None = None

    def finish(self, item: Frame) -> None:
        """Check the item's final form against everything that was sent of it."""
        assert item["status"] in {"completed", "incomplete"}
        if self.type == "function_call":
            assert self.stage is Stage.TEXT_DONE
            assert item["arguments"] == self.text
        else:
            assert self.stage is Stage.PART_DONE
            (part,) = item["content"]
            key = "text" if part["type"] == "output_text" else "transcript"
            assert part[key] == self.text
            assert "audio" not in part
            assert self.audio_is_done or not self.has_audio
        self.stage = Stage.DONE
        self.final = item


class ResponseAccount:
    """One response, from created to done."""

    def __init__(self, created: Frame) -> None:
        assert created["status"] == "in_progress"
        assert created["output"] == []
        assert created["usage"] is None
        assert created["status_details"] is None
        self.created = created
        self.items: list[OutputItem] = []
        self.done: Frame | None = None

    @property
    def in_conversation(self) -> bool:
        return self.created["conversation_id"] is not None

    def item(self, frame: Frame) -> OutputItem:
        """Return the item that a frame is about."""
        item = self.items[frame["output_index"]]
        assert frame.get("item_id", item.id) == item.id
        assert frame.get("content_index", 0) == 0
        return item

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
        changed = {"status", "status_details", "output", "usage"}
        for key in self.created.keys() - changed:
            assert response[key] == self.created[key]
        _check_usage(response["usage"])
        self.done = response


class Ledger:
    """Everything that was sent in one session.

    Attributes:
        order: Ids of the conversation's items, first to last.
        responses: Every response by its id.
        announced: Id that the turn under way will have as an item.
    """

    def __init__(self) -> None:
        self.order: list[str] = []
        self.responses: dict[str, ResponseAccount] = {}
        self._event_ids: set[str] = set()
        self._not_done: set[str] = set()
        self._next: tuple[str, str] | None = None  # type and item of what must come next
        self.announced: str | None = None
        self._speech_began_ms = 0
        self._transcribed: set[str] = set()

    @property
    def running(self) -> list[str]:
        """Ids of the responses that have not ended."""
        return [one for one, account in self.responses.items() if account.done is None]

    @property
    def call_ids(self) -> list[str]:
        """Ids of all calls that responses have made."""
        return [item["call_id"] for item in self._final_items() if item["type"] == "function_call"]

    def read(self, frame: Frame) -> None:
        """Take one more frame.

        Raises:
            AssertionError: It contradicts what was sent before.
        """
        assert frame["event_id"] not in self._event_ids
        self._event_ids.add(frame["event_id"])
        kind: str = frame["type"]
        if self._next is not None:
            expected, self._next = self._next, None
            assert (kind, frame["item"]["id"]) == expected
        if kind.startswith("response."):
            self._read_response(kind, frame)
        elif kind.startswith("conversation.item.input_audio_transcription."):
            self._read_transcript(kind, frame["item_id"])
        elif kind.startswith("conversation.item."):
            self._read_item(kind, frame)
        elif kind.startswith("input_audio_buffer."):
            self._read_input(kind, frame)

    # --- the conversation -------------------------------------------------------------------------

    def _read_item(self, kind: str, frame: Frame) -> None:
        match kind:
            case "conversation.item.added":
                item_id = frame["item"]["id"]
                assert item_id not in self.order
                previous = frame["previous_item_id"]
                place = 0 if previous is None else self.order.index(previous) + 1
                self.order.insert(place, item_id)
                self._not_done.add(item_id)
                for item in self._open_items(item_id):
                    assert place == len(self.order) - 1, "answers go to the end"
                    item.stage = Stage.IN_CONVERSATION
            case "conversation.item.done":
                item_id = frame["item"]["id"]
                self._not_done.remove(item_id)
                assert frame["previous_item_id"] == self._before(item_id)
            case "conversation.item.deleted":
                self.order.remove(frame["item_id"])
                self._not_done.discard(frame["item_id"])
            case "conversation.item.retrieved":
                assert frame["item"]["id"] in self.order
            case "conversation.item.truncated":
                assert frame["item_id"] in self.order

    def _before(self, item_id: str) -> str | None:
        place = self.order.index(item_id)
        return self.order[place - 1] if place else None

    def _open_items(self, item_id: str) -> Iterator[OutputItem]:
        for account in self.responses.values():
            for item in account.items:
                if item.id == item_id and item.stage is Stage.ADDED:
                    yield item

    def _final_items(self) -> Iterator[Frame]:
        for account in self.responses.values():
            for item in account.items:
                if item.final is not None:
                    yield item.final

    # --- input audio ------------------------------------------------------------------------------

    def _read_input(self, kind: str, frame: Frame) -> None:
        match kind:
            case "input_audio_buffer.speech_started":
                self._speech_began_ms = frame["audio_start_ms"]
                self.announced = frame["item_id"]
            case "input_audio_buffer.speech_stopped":
                assert frame["audio_end_ms"] > self._speech_began_ms
                assert frame["item_id"] == self.announced
            case "input_audio_buffer.committed":
                assert self.announced in {None, frame["item_id"]}
                assert frame["previous_item_id"] == (self.order[-1] if self.order else None)
                self.announced = None
                self._next = ("conversation.item.added", frame["item_id"])
            case "input_audio_buffer.cleared":
                self.announced = None

    def _read_transcript(self, kind: str, item_id: str) -> None:
        assert item_id in self.order
        assert item_id not in self._transcribed
        if not kind.endswith(".delta"):
            self._transcribed.add(item_id)

    # --- responses --------------------------------------------------------------------------------

    def _read_response(self, kind: str, frame: Frame) -> None:
        if kind == "response.created":
            account = ResponseAccount(frame["response"])
            if account.in_conversation:
                assert not any(self.responses[one].in_conversation for one in self.running)
            assert frame["response"]["id"] not in self.responses
            self.responses[frame["response"]["id"]] = account
            return
        account = self.responses[frame.get("response_id") or frame["response"]["id"]]
        assert account.done is None, "nothing comes after response.done"
        if kind == "response.done":
            account.finish(frame["response"])
        elif kind == "response.output_item.added":
            self._open(account, frame)
        elif kind == "response.output_item.done":
            self._close(account, frame)
        else:
            self._read_content(account, kind, frame)

    def _open(self, account: ResponseAccount, frame: Frame) -> None:
        assert frame["output_index"] == len(account.items)
        item = frame["item"]
        assert item["status"] == "in_progress"
        assert item.get("content", []) == []
        assert item.get("arguments", "") == ""
        account.items.append(OutputItem(item, frame["output_index"]))
        if account.in_conversation:
            self._next = ("conversation.item.added", item["id"])

    def _close(self, account: ResponseAccount, frame: Frame) -> None:
        item = account.item(frame)
        assert frame["item"]["id"] == item.id
        assert item.id not in self._not_done, "conversation.item.done comes first"
        earlier = account.items[: item.output_index]
        assert all(one.stage is Stage.DONE for one in earlier), "items close in order"
        item.finish(frame["item"])

    def _read_content(self, account: ResponseAccount, kind: str, frame: Frame) -> None:
        item = account.item(frame)
        announced = Stage.IN_CONVERSATION if account.in_conversation else Stage.ADDED
        if item.type == "function_call" and item.stage is announced:
            item.stage = Stage.OPEN  # a call has no content part
        if kind == "response.content_part.added":
            assert item.stage is announced
            item.stage = Stage.OPEN
        elif kind in _TEXT_DELTAS:
            assert item.stage is Stage.OPEN
            item.text += frame["delta"]
            padded = len(frame["delta"]) + len(frame["obfuscation"])
            assert padded > 0
            assert padded % 16 == 0
        elif kind == "response.output_audio.delta":
            assert item.stage is Stage.OPEN
            assert not item.audio_is_done
            item.has_audio = True
        elif kind == "response.output_audio.done":
            assert item.stage is Stage.OPEN
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


def _check_usage(usage: Frame) -> None:
    read, put_out = usage["input_token_details"], usage["output_token_details"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["input_tokens"] == (
        read["text_tokens"] + read["audio_tokens"] + read["image_tokens"]
    )
    assert usage["output_tokens"] == put_out["text_tokens"] + put_out["audio_tokens"]
    assert read["cached_tokens"] <= usage["input_tokens"]
    assert read["cached_tokens"] == sum(read["cached_tokens_details"].values())
