"""Plays what a session says, and tells it so: what a transport does that plays."""

from antiphon.core.effects import ClearPlayback, SendAudio
from antiphon.core.signals import PlaybackAdvanced
from tests.core.support import Rig

__all__ = ["Loudspeaker"]

_BYTES_PER_MS = 48


class Loudspeaker:
    """Plays the answers of a rig, one after the other."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._queues: dict[str, list[tuple[str, float]]] = {}  # responses: items, with their ends
        self._whole: set[str] = set()
        self._cleared: set[str] = set()
        self._ends_ms: dict[str, float] = {}  # how much audio there is of each item
        self._seen = 0

    def play(self) -> PlaybackAdvanced | None:
        """Play the next chunk of audio, and return the news of it; ``None`` if nothing is there."""
        self._look()
        for response_id, queue in tuple(self._queues.items()):
            if queue:
                item_id, played_ms = queue.pop(0)
                return PlaybackAdvanced(response_id, item_id, played_ms)
            if response_id not in self._whole:
                return None  # there may be more of it before the next one's turn
            del self._queues[response_id]
        return None

    def _look(self) -> None:
        """Take in what has happened since the last time."""
        for entry in self._rig.log[self._seen :]:
            match entry:
                case SendAudio(response_id=one) if one not in self._cleared:
                    end_ms = self._ends_ms.get(entry.item_id, 0) + len(entry.pcm) / _BYTES_PER_MS
                    self._ends_ms[entry.item_id] = end_ms
                    self._queues.setdefault(one, []).append((entry.item_id, end_ms))
                case ClearPlayback(response_id=one):
                    assert one not in self._cleared, "cleared once is cleared"
                    self._queues.pop(one)
                    self._cleared.add(one)
                case {"type": "response.done", "response": {"id": one}}:
                    self._whole.add(one)
        self._seen = len(self._rig.log)
