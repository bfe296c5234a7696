"""The items of a conversation that is kept: their order, and where each came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from antiphon.wire.items import Item, McpListTools

__all__ = ["KeptItem", "KeptItems"]

GAP = 1 << 32
"""Between the places of items that were added one after the other. Others go in between."""


@dataclass(slots=True)
class KeptItem:
    """An item of the conversation.

    Attributes:
        item: As it was last shown.
        position: Its place.
        created_at: When it came, microseconds since 1970.
        response_id: The response that put it out, if one did.
        is_whole: Whether it was announced to be done.
        is_kept: Whether it has been kept.
    """

    item: Item
    position: int
    created_at: int
    response_id: str | None
    is_whole: bool = False
    is_kept: bool = False


class KeptItems:
    """All that are there, by their ids."""

    def __init__(self) -> None:
        self._order: list[str] = []
        self._items: dict[str, KeptItem] = {}

    def __iter__(self) -> Iterator[KeptItem]:
        return (self._items[item_id] for item_id in self._order)

    def find(self, item_id: str) -> KeptItem | None:
        """Return an item, if it is part of the conversation."""
        return self._items.get(item_id)

    def add(
        self,
        item: Item,
        *,
        previous_id: str | None,
        created_at: int,
        response_id: str | None,
    ) -> dict[str, int]:
        """Take in an item.

        Args:
            item: The item, which has an id.
            previous_id: The item that it follows; ``None`` for the first place.
            created_at: When it came, microseconds since 1970.
            response_id: The response that puts it out, if one does.

        Returns:
            The new places of items that had to make room: hardly ever any.
        """
        item_id = str(item.id)
        if item_id in self._items:
            self.remove(item_id)
        index = len(self._order)
        if previous_id is None:
            index = 0
        elif previous_id in self._items:
            index = self._order.index(previous_id) + 1
        position = self._between(index)
        moved = {}
        if position is None:
            moved = self._make_room()
            position = (index + 1) * GAP - GAP // 2
        self._order.insert(index, item_id)
        self._items[item_id] = KeptItem(item, position, created_at, response_id)
        return moved

    def remove(self, item_id: str) -> None:
        """Forget an item."""
        if self._items.pop(item_id, None) is not None:
            self._order.remove(item_id)

    def since_last_output(self) -> tuple[str, ...]:
        """Return the ids of what has come since an answer: what the next one answers."""
        found: list[str] = []
        for item_id in reversed(self._order):
            kept = self._items[item_id]
            if kept.response_id is not None:
                break
            if not isinstance(kept.item, McpListTools):  # nobody says that
                found.append(item_id)
        return tuple(reversed(found))

    def _between(self, index: int) -> int | None:
        """Return a place before the item at an index; ``None`` if there is no room."""
        before = self._items[self._order[index - 1]].position if index else None
        after = self._items[self._order[index]].position if index < len(self._order) else None
        match before, after:
            case None, None:
                return GAP
            case int(), None:
                return before + GAP
            case None, int():
                return after - GAP
            case int(), int():
                middle = (before + after) // 2
                return middle if middle > before else None
        return None

    def _make_room(self) -> dict[str, int]:
        moved = {item_id: (place + 1) * GAP for place, item_id in enumerate(self._order)}
        for item_id, position in moved.items():
            self._items[item_id].position = position
        return moved
