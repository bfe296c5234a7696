"""How long a user says nothing after an answer, for ``idle_timeout_ms``."""

from __future__ import annotations

from antiphon.wire.audio_config import ServerVad, TurnDetection

__all__ = ["Silence"]


class Silence:
    """The time in which it is the user's turn to speak, and nothing sounds any more."""

    def __init__(self) -> None:
        self._since: float | None = None

    def begin(self, at: float) -> None:
        """Note when an answer has been, or will have been, heard to its end."""
        self._since = at

    def end(self) -> None:
        """Note that somebody speaks, or is about to."""
        self._since = None

    def due(self, turn_detection: TurnDetection | None) -> float | None:
        """Return when the user will have been silent for too long; ``None`` for never."""
        if (
            self._since is None
            or not isinstance(turn_detection, ServerVad)
            or turn_detection.idle_timeout_ms is None
        ):
            return None
        return self._since + turn_detection.idle_timeout_ms / 1000
