"""Where a stream of speech is cut into phrases that can be translated one by one.

An interpreter does not wait for the end of a talk. A phrase ends where the speaker pauses; one who
does not pause is cut where the voice was weakest, so that the translation never falls far behind.
"""

from __future__ import annotations

from antiphon.core.clock import SAMPLES_PER_MS, Span
from antiphon.core.signals import SpeechProbability
from antiphon.core.turns import SpeechStarted, SpeechStopped, TurnDetector
from antiphon.wire.audio_config import ServerVad

__all__ = ["LONGEST_MS", "PHRASING", "Phrases"]

PHRASING = ServerVad(prefix_padding_ms=200, silence_duration_ms=400)
"""How pauses are found. Shorter than the pause that ends a turn: a speaker draws breath between
clauses for some 400 ms, and a clause is the least that can be translated by itself."""

LONGEST_MS = 8_000
"""A phrase without a pause is cut when it gets this long."""

_SHORTEST_CUT_MS = 3_000
"""Where it is cut, it is at least this long: less makes no sense by itself."""

_PAUSE_FRAMES = 5
"""A pause within fluent speech lasts some 150 ms: five frames of 32 ms."""

_SHORTEST_MS = 100
"""What is left at the end of the input is not worth hearing if it is shorter; the same limit as
for a commit."""


class Phrases:
    """Turns the detector's judgements into phrases, on the input audio clock alone.

    Args:
        rules: How pauses are found.
        longest_ms: When a phrase without a pause is cut; it may be longer by one frame.
    """

    def __init__(self, rules: ServerVad = PHRASING, longest_ms: int = LONGEST_MS) -> None:
        self._detector = TurnDetector(rules)
        self._longest_ms = longest_ms
        self._start: int | None = None  # of the phrase under way
        self._frames: list[SpeechProbability] = []  # of it; longest_ms bounds them
        self._taken_until = 0  # where the phrase before it ended

    @property
    def needed_from(self) -> int:
        """Audio before this position will not be part of any further phrase."""
        if self._start is not None:
            return self._start
        quiet_until = self._detector.quiet_until
        assert quiet_until is not None, "a phrase is under way whenever the detector hears one"
        padding = self._detector.prefix_padding_ms * SAMPLES_PER_MS
        return max(self._taken_until, quiet_until - padding)

    def judge(self, frame: SpeechProbability) -> Span | None:
        """Take the judgement of one frame; return the phrase that ends with it, if one does."""
        match self._detector.step(frame.start, frame.end, frame.probability, frame.level_dbfs):
            case SpeechStarted(start=start):
                self._start = max(start, self._taken_until)
            case SpeechStopped(end=end):
                phrase = self._cut(end)
                self._start = None
                return phrase
        if self._start is None:
            return None
        self._frames.append(frame)
        if frame.end - self._start < self._longest_ms * SAMPLES_PER_MS:
            return None
        return self._cut(self._weakest())

    def finish(self, end: int) -> Span | None:
        """Return what is left of the phrase under way: the input ends at ``end``."""
        if self._start is None or end - self._start < _SHORTEST_MS * SAMPLES_PER_MS:
            return None
        return self._cut(end)

    def _cut(self, end: int) -> Span:
        assert self._start is not None
        phrase = Span(self._start, end)
        self._start = self._taken_until = end
        self._frames = [frame for frame in self._frames if frame.start >= end]
        return phrase

    def _weakest(self) -> int:
        """Return the middle of the pause that is most like one; the latest of several."""
        assert self._start is not None
        earliest_ms = min(_SHORTEST_CUT_MS, self._longest_ms // 2)
        earliest = self._start + earliest_ms * SAMPLES_PER_MS
        frames = [frame for frame in self._frames if frame.start >= earliest]

        def voice(first: int) -> float:
            return sum(frame.probability for frame in frames[first : first + _PAUSE_FRAMES])

        pauses = range(len(frames) - _PAUSE_FRAMES, -1, -1)
        weakest = min(pauses, key=voice, default=0)
        return frames[min(weakest + _PAUSE_FRAMES // 2, len(frames) - 1)].end
