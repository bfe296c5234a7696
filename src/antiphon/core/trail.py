"""Where speech ended, when a voice detector has noticed that it did.

A detector with a memory goes on hearing speech that is over: Silero for some 55 ms in a quiet room,
for 70 to 120 ms in noise. How loud the frames are tells more exactly. The first frame that is not
speech any more is what it sounds like when nobody speaks, and frames before it that are no louder
were not speech either. With that, turns that end after 500 ms of silence end 484 ms after the last
audible sample in the median and 503 at the 95th percentile, in place of 540 and 576; with noise 24
dB below the voice 468 and 500, in place of 553 and 596 (``bench/trail.py``).
"""

from __future__ import annotations

from collections import deque

__all__ = ["FAR_BELOW_SPEECH_DB", "LONGEST_TRAIL_FRAMES", "NO_LOUDER_DB", "SpeechTrail"]

NO_LOUDER_DB = 3.0
"""A frame that is louder than the one after the end by no more than this is like it."""

FAR_BELOW_SPEECH_DB = 45.0
"""So far below the loudest frame of the turn nothing is speech: where a microphone is closed
between words, what follows them may be digital silence, and no sound is as quiet as that. With 35
the ends of words were lost, in ``bench/trail.py`` at -80 dBFS."""

LONGEST_TRAIL_FRAMES = 3
"""Some 100 ms: a detector's memory is hardly longer, and an error in a noise that comes and goes
costs no more than this."""


class SpeechTrail:
    """The loudness of speech, and the last frames of it."""

    def __init__(self) -> None:
        self._loudest_dbfs = float("-inf")
        self._last: deque[tuple[int, float]] = deque(maxlen=LONGEST_TRAIL_FRAMES)

    def begin_turn(self) -> None:
        """Forget how loud the turn before was."""
        self._loudest_dbfs = float("-inf")
        self._last.clear()

    def hear(self, start: int, level_dbfs: float | None) -> None:
        """Take a frame that the detector takes for speech.

        Args:
            start: Position of its first sample.
            level_dbfs: How loud it is; ``None`` if that is not known: then it is speech.
        """
        if level_dbfs is None:
            self._last.clear()
            return
        self._loudest_dbfs = max(self._loudest_dbfs, level_dbfs)
        self._last.append((start, level_dbfs))

    def end(self, start: int, level_dbfs: float | None) -> int:
        """Return where speech ended, by the first frame that is none any more."""
        if level_dbfs is not None:
            quiet_dbfs = max(level_dbfs + NO_LOUDER_DB, self._loudest_dbfs - FAR_BELOW_SPEECH_DB)
            while self._last and self._last[-1][1] <= quiet_dbfs:
                start, _ = self._last.pop()
        self._last.clear()
        return start
