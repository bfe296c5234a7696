"""Which of llama.cpp's slots a conversation is read into.

A slot keeps the text that it read last, and reads only what differs from it. llama.cpp by itself
picks the slot whose text is most similar, which lets conversations with the same instructions
take each other's slots and read their own history again and again. So each conversation returns
to its own slot here, and a new one takes the slot that was not used for longest.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Slots"]


class Slots:
    """Lends slots to the threads that generate.

    Args:
        count: How many there are; at least as many as threads.
    """

    def __init__(self, count: int) -> None:
        self._changed = threading.Condition()
        # Least recently used first; each with the conversation that was read into it.
        self._idle: OrderedDict[int, str | None] = OrderedDict.fromkeys(range(count))
        self._lent: dict[int, tuple[str | None, Callable[[], bool]]] = {}

    @contextmanager
    def lend(self, conversation: str | None, stopping: Callable[[], bool]) -> Iterator[int]:
        """Lend a slot, its own if the conversation has one.

        Blocks while the conversation's slot is busy with work that is being stopped: that is over
        within a batch, and reading everything into another slot would take longer.

        Args:
            conversation: Its key; ``None`` if nobody will come back for the text.
            stopping: Says whether the borrower's work has been cancelled.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._is_being_left(conversation) or stopping())
            slot = self._choose(conversation)
            del self._idle[slot]
            self._lent[slot] = (conversation, stopping)
        try:
            yield slot
        finally:
            with self._changed:
                del self._lent[slot]
                self._idle[slot] = conversation
                if conversation is None:
                    self._idle.move_to_end(slot, last=False)
                self._changed.notify_all()

    def _is_being_left(self, conversation: str | None) -> bool:
        """Whether the conversation's slot is about to become free."""
        return conversation is not None and any(
            owner == conversation and stopping() for owner, stopping in self._lent.values()
        )

    def _choose(self, conversation: str | None) -> int:
        if conversation is not None:
            for slot, owner in reversed(self._idle.items()):
                if owner == conversation:
                    return slot
        return next(iter(self._idle))
