"""The input audio buffer as the client knows it: how much is in it, and who speaks."""

from enum import Enum

from tests.support.ledger.frames import Frame

__all__ = ["InputAccount", "Turn"]

_ROUNDING_MS = 1.0
"""Positions come in whole milliseconds, and resampling rounds to whole samples."""


class Turn(Enum):
    """How far the user's turn has come."""

    QUIET = "quiet"
    SPEAKING = "speaking"
    STOPPED = "stopped"


class InputAccount:
    """The input audio of one session, in milliseconds since it began.

    Attributes:
        announced: Id that the turn under way will have as an item.
        turn: How far it has come.
        taken_ms: All audio that the server has taken in.
    """

    def __init__(self) -> None:
        self.announced: str | None = None
        self.turn = Turn.QUIET
        self.taken_ms = 0.0
        self._emptied_at_ms = 0.0
        self._turn_began_ms = 0.0

    @property
    def held_ms(self) -> float:
        """How much a commit would take."""
        began_ms = self._turn_began_ms if self.turn is Turn.SPEAKING else self._emptied_at_ms
        return self.taken_ms - began_ms

    def configure(self, turn_detection: Frame | None) -> None:
        if turn_detection is None:
            self.turn = Turn.QUIET

    def start(self, frame: Frame) -> None:
        """Take ``speech_started``."""
        assert self.turn is Turn.QUIET
        assert frame["audio_start_ms"] >= self._emptied_at_ms - _ROUNDING_MS
        self.turn = Turn.SPEAKING
        self.announced = frame["item_id"]
        self._turn_began_ms = frame["audio_start_ms"]

    def stop(self, frame: Frame, sent_ms: float) -> None:
        """Take ``speech_stopped``; so much audio has been sent at most."""
        assert self.turn is Turn.SPEAKING
        assert frame["item_id"] == self.announced
        assert self._turn_began_ms < frame["audio_end_ms"] <= sent_ms + _ROUNDING_MS
        self.turn = Turn.STOPPED
        self._emptied_at_ms = frame["audio_end_ms"]

    def time_out(self, frame: Frame) -> None:
        """Take ``timeout_triggered``: silence becomes a turn."""
        assert self.turn is Turn.QUIET, "the user speaks"
        assert frame["audio_start_ms"] >= self._emptied_at_ms - _ROUNDING_MS
        assert frame["audio_end_ms"] >= frame["audio_start_ms"]
        self.turn = Turn.STOPPED
        self.announced = frame["item_id"]
        self._emptied_at_ms = frame["audio_end_ms"]

    def commit(self, frame: Frame) -> None:
        """Take ``committed``, of a turn that has stopped or at the client's word."""
        assert self.announced in {None, frame["item_id"]}
        if self.turn is not Turn.STOPPED:
            self._emptied_at_ms = self.taken_ms
        self._forget_turn()

    def clear(self) -> None:
        """Take ``cleared``."""
        self._emptied_at_ms = self.taken_ms
        self._forget_turn()

    def _forget_turn(self) -> None:
        self.turn = Turn.QUIET
        self.announced = None
