"""The input audio buffer: what has been appended and not yet become a user's message.

With turn detection on, turns commit themselves, and audio in which nobody speaks is forgotten as
time goes on. The audio itself is elsewhere; here are only positions on the input audio clock.
"""

from __future__ import annotations

from antiphon.core.clock import SAMPLES_PER_MS, Span
from antiphon.core.turns import SpeechStarted, TurnChange, TurnDetector
from antiphon.errors import RequestError
from antiphon.wire.audio_config import TurnDetection

__all__ = ["MIN_COMMIT_MS", "InputAudioBuffer"]

MIN_COMMIT_MS = 100
"""A commit needs at least this much audio; the hosted service's limit."""

_FORGOTTEN_AT_ONCE_MS = 256
"""Older audio is forgotten in steps of so much: one block of the ring."""

_QUIET_KEPT_MS = 1000
"""How much audio without speech is kept beyond the prefix padding, so that a client may still
commit by hand what the detector found nothing in."""


class InputAudioBuffer:
    """Positions of one session's input audio, and the turn that is under way in it."""

    def __init__(self, turn_detection: TurnDetection | None) -> None:
        self._start = 0
        self._end = 0
        self._detector: TurnDetector | None = None
        self._turn_start: int | None = None
        self.configure(turn_detection)

    @property
    def start(self) -> int:
        """Where the audio begins that has neither been committed nor forgotten."""
        return self._start

    @property
    def speaking(self) -> bool:
        """Whether a turn is under way."""
        return self._turn_start is not None

    @property
    def in_speech(self) -> bool:
        """Whether a turn is under way and the speaker does not pause."""
        return self._detector is not None and self._detector.in_speech

    def configure(self, turn_detection: TurnDetection | None) -> None:
        """Take new settings. A turn under way goes on, unless detection is switched off."""
        if turn_detection is None:
            self._detector = None
            self._turn_start = None
        elif self._detector is None:
            self._detector = TurnDetector(turn_detection)
        else:
            self._detector.configure(turn_detection)

    def append(self, end: int) -> None:
        """Note that audio up to ``end`` is there."""
        self._end = end

    def judge(
        self, start: int, end: int, probability: float, level_dbfs: float | None = None
    ) -> TurnChange | None:
        """Take the detector's judgement of one frame; say what it changed."""
        if self._detector is None or end <= self._start:
            return None  # switched off, or committed or cleared meanwhile
        change = self._detector.step(start, end, probability, level_dbfs)
        if isinstance(change, SpeechStarted):
            self._turn_start = max(change.start, self._start)
            return SpeechStarted(self._turn_start)
        return change

    def forgettable(self) -> int | None:
        """Forget audio that is too old to become part of a turn.

        Returns:
            The position before which nothing is needed any more; ``None`` if that has not changed
            by much.
        """
        quiet_until = self._detector.quiet_until if self._detector else None
        if quiet_until is None or self._detector is None:
            return None
        kept_ms = self._detector.prefix_padding_ms + _QUIET_KEPT_MS
        before = quiet_until - kept_ms * SAMPLES_PER_MS
        # In steps, so that not every frame costs an effect.
        if before - self._start < _FORGOTTEN_AT_ONCE_MS * SAMPLES_PER_MS:
            return None
        self._start = before
        return before

    def expect(self, silence_ms: float) -> None:
        """Take evidence about the pause under way: so much silence in all ends the turn."""
        if self._detector is not None:
            self._detector.expect(silence_ms)

    def turn_until(self, end: int) -> Span:
        """Return the audio of the turn under way, up to ``end``."""
        assert self._turn_start is not None
        return Span(self._turn_start, end)

    def commit_turn(self, end: int) -> Span:
        """Take the turn that ended at ``end`` out of the buffer."""
        span = self.turn_until(end)
        self._turn_start = None
        self._start = end
        return span

    def commit(self) -> Span:
        """Take everything out of the buffer, at the client's word.

        Raises:
            RequestError: ``input_audio_buffer_commit_empty``, under 100 ms.
        """
        span = self._everything()
        if span.duration_ms < MIN_COMMIT_MS:
            message = (
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{MIN_COMMIT_MS}ms of audio, but buffer only has {span.duration_ms:.2f}ms of "
                "audio."
            )
            raise RequestError(message, code="input_audio_buffer_commit_empty")
        self.clear()
        return span

    def take_all(self) -> Span:
        """Take everything out of the buffer, however little it is."""
        span = self._everything()
        self.clear()
        return span

    def clear(self) -> None:
        """Throw everything in the buffer away."""
        self._start = self._end
        self._turn_start = None
        if self._detector is not None:
            self._detector.reset()

    def _everything(self) -> Span:
        return Span(self._start if self._turn_start is None else self._turn_start, self._end)
