"""The conversation as the client knows it: which items, in which order, with which content."""

from tests.support.ledger.frames import Frame
from tests.support.ledger.responses import OutputItem

__all__ = ["ConversationAccount", "images_in", "text_of"]


class ConversationAccount:
    """The default conversation.

    Attributes:
        order: Ids of its items, first to last.
        ever: Ids of all items that it has ever had.
        deleted: Ids of items that the client has deleted. Another item may have taken the id.
    """

    def __init__(self) -> None:
        self.order: list[str] = []
        self.ever: set[str] = set()
        self.deleted: set[str] = set()
        self._items: dict[str, Frame] = {}
        self._not_done: set[str] = set()
        self._heard_ms: dict[str, int] = {}  # of what has been truncated
        self._segments: set[str] = set()
        self._untold: dict[str, bool] = {}  # items whose words will be told: with log probabilities

    @property
    def last_id(self) -> str | None:
        return self.order[-1] if self.order else None

    def settled_but(self, waiting: set[str]) -> bool:
        """Whether every item has got its ``done``, and every transcript that was asked for.

        Args:
            waiting: Items that wait for the client.
        """
        return self._not_done <= waiting and not self._untold

    def item(self, item_id: str) -> Frame:
        """Return an item as it was told last."""
        return self._items[item_id]

    def is_done(self, item_id: str) -> bool:
        return item_id not in self._not_done

    def heard_ms(self, item_id: str) -> int | None:
        """Return where an item has been truncated, if it has."""
        return self._heard_ms.get(item_id)

    def has_call(self, call_id: str) -> bool:
        return any(
            item["type"] == "function_call" and item["call_id"] == call_id
            for item in self._items.values()
        )

    def add(self, frame: Frame) -> int:
        """Take an item in and return its place."""
        item = frame["item"]
        assert item["id"] not in self._items, "an id has two items"
        assert "object" not in item
        previous = frame["previous_item_id"]
        place = 0 if previous is None else self.order.index(previous) + 1
        self.order.insert(place, item["id"])
        self.ever.add(item["id"])
        self._items[item["id"]] = item
        self._not_done.add(item["id"])
        return place

    def finish(self, frame: Frame) -> None:
        """Take the final form of an item."""
        item = frame["item"]
        self._not_done.remove(item["id"])
        place = self.order.index(item["id"])
        assert frame["previous_item_id"] == (self.order[place - 1] if place else None)
        self._items[item["id"]] = item

    def amend(self, item: Frame) -> None:
        """Take more of an item that is not final yet, unless the client has deleted it."""
        if item["id"] in self._items:
            self._items[item["id"]] = item

    def give_up(self, item_id: str) -> None:
        """Note that an item will not be finished."""
        self._not_done.discard(item_id)

    def delete(self, item_id: str) -> None:
        self.order.remove(item_id)
        self.deleted.add(item_id)
        del self._items[item_id]
        self._not_done.discard(item_id)
        self._untold.pop(item_id, None)
        self._heard_ms.pop(item_id, None)

    def truncate(self, item_id: str, heard_ms: int) -> None:
        self._heard_ms[item_id] = heard_ms

    def retrieve(self, item: Frame, output: OutputItem | None) -> None:
        """Check an item against what is known of it; ``output`` if it is an answer."""
        known = self._items[item["id"]]
        assert item.get("object") == (None if item["type"].startswith("mcp_") else "realtime.item")
        assert set(item) - {"object"} == set(known)
        for key in set(known) - {"content"}:
            assert item[key] == known[key]
        parts = item.get("content", [])
        assert [part["type"] for part in parts] == [part["type"] for part in known_parts(known)]
        for part, known_part in zip(parts, known_parts(known), strict=True):
            self._check_text(item["id"], _text_in(part), _text_in(known_part), output)

    def may_read(self, item_id: str, text: str, output: OutputItem | None) -> bool:
        """Say whether a truncated item may have become this text."""
        known = text_of(self._items[item_id]) or ""
        heard = 0 if output is None else output.chars_before(self._heard_ms[item_id])
        return known.startswith(text) and len(text) <= heard

    def _check_text(
        self, item_id: str, text: str | None, known: str | None, output: OutputItem | None
    ) -> None:
        heard_ms = self._heard_ms.get(item_id)
        if heard_ms is None:
            # Transcripts of the user's audio are told only to clients who ask for it.
            assert known is None or text == known
            return
        assert text is not None
        assert known is not None
        assert output is not None
        assert known.startswith(text)
        assert len(text) <= output.chars_before(heard_ms), "what was not heard is still there"

    # --- transcripts ------------------------------------------------------------------------------

    def expect_transcript(self, item_id: str, *, logprobs: bool) -> None:
        """Note that the client will be told an item's words, with how sure they are if it wants."""
        self._untold[item_id] = logprobs

    def hear(self, kind: str, frame: Frame) -> None:
        """Take more of the words of an item's audio."""
        item_id = frame["item_id"]
        assert item_id in self._untold, "nobody asked for this transcript, or it had ended"
        if kind.endswith((".delta", ".completed")):
            assert ("logprobs" in frame) == self._untold[item_id]
            if self._untold[item_id]:
                _check_logprobs(frame)
        if kind.endswith(".segment"):
            assert 0 <= frame["start"] <= frame["end"]
            assert frame["id"] not in self._segments
            self._segments.add(frame["id"])
        if kind.endswith((".delta", ".segment")):
            return
        del self._untold[item_id]
        if kind.endswith(".completed"):
            content = [
                {**part, "transcript": frame["transcript"]}
                for part in self._items[item_id]["content"]
            ]
            self._items[item_id] = {**self._items[item_id], "content": content}


def _check_logprobs(frame: Frame) -> None:
    """Check that the tokens are those of the text, and none more than certain."""
    text: str = frame["delta"] if "delta" in frame else frame["transcript"]
    assert b"".join(bytes(one["bytes"]) for one in frame["logprobs"]) == text.encode()
    assert all(one["logprob"] <= 0 for one in frame["logprobs"])


def known_parts(item: Frame) -> list[Frame]:
    """Return the content parts of an item; calls have none."""
    parts: list[Frame] = item.get("content", [])
    return parts


def text_of(item: Frame) -> str | None:
    """Return the words of a message; ``None`` if those of its audio are not known."""
    texts = [_text_in(part) for part in known_parts(item)]
    if None in texts:
        return None
    return " ".join(text.strip() for text in texts if text and text.strip())


def images_in(item: Frame) -> int:
    """Return how many images an item has."""
    return sum(part["type"] == "input_image" for part in known_parts(item))


def _text_in(part: Frame) -> str | None:
    if part["type"] == "input_image":
        return ""
    text: str | None = part.get("transcript", part.get("text"))
    return text
