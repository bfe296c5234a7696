"""What a client was sent last and may not have got: a connection that breaks does not say."""

from __future__ import annotations

from collections import deque

__all__ = ["KEPT_BYTES", "SentLog"]

KEPT_BYTES = 4 << 20
"""4 MiB: some 64 s of 24 kHz speech as base64 JSON, and as much as Linux holds back by default of
what a program has sent (``tcp_wmem``)."""


class SentLog:
    """Frames by the ids of their events, oldest first; the oldest make room.

    Args:
        bound_bytes: How much is kept.
    """

    def __init__(self, bound_bytes: int = KEPT_BYTES) -> None:
        self._bound_bytes = bound_bytes
        self._held_bytes = 0
        self._frames: deque[tuple[str, bytes]] = deque()
        self._last_forgotten = ""  # after it nothing has been forgotten

    @property
    def held_bytes(self) -> int:
        """How much is kept."""
        return self._held_bytes

    def add(self, event_id: str, frame: bytes) -> None:
        """Keep a frame that is about to be sent."""
        self._frames.append((event_id, frame))
        self._held_bytes += len(frame)
        while self._held_bytes > self._bound_bytes:
            self._last_forgotten, forgotten = self._frames.popleft()
            self._held_bytes -= len(forgotten)

    def after(self, event_id: str) -> list[bytes] | None:
        """Return all frames after an event; ``None`` if they are not all there any more."""
        place = self._place_after(event_id)
        return (
            None if place is None else [frame for _, frame in list(self._frames)[place:] if frame]
        )

    def mark(self, event_id: str, new_id: str) -> None:
        """Have a further id mean the same place as that of an event that is there.

        Of further ids only the one that is named here, if it is one, still means anything.
        """
        self._frames = deque(one for one in self._frames if one[1] or one[0] == event_id)
        place = self._place_after(event_id)
        assert place is not None, "only what is there can be marked"
        self._frames.insert(place, (new_id, b""))

    def _place_after(self, event_id: str) -> int | None:
        if not event_id:
            return None
        for place in range(len(self._frames), 0, -1):
            if self._frames[place - 1][0] == event_id:
                return place
        return 0 if event_id == self._last_forgotten else None
