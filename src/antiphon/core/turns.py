"""When a turn begins, pauses and ends, by voice activity.

The detector gives a probability of speech for every frame of some 32 ms. This machine turns the
row of probabilities into turns, on the input audio clock alone: how fast audio arrives makes no
difference to what is decided.

========  ===================================================  ========
state     what happens                                         next
========  ===================================================  ========
QUIET     speech for MIN_SPEECH_MS, and the detector is sure   SPEAKING
QUIET     speech for UNSURE_SPEECH_MS                          SPEAKING
SPEAKING  no speech for PAUSE_MS                               PAUSED
PAUSED    speech                                               SPEAKING
PAUSED    no speech for as long as ends the turn               QUIET
========  ===================================================  ========

What ends a turn is ``silence_duration_ms`` with ``server_vad``. With ``semantic_vad`` it is up to
8, 4 or 2 s, by eagerness, unless there is evidence that the speaker has finished
(:meth:`TurnDetector.expect`).

A frame is speech from ``threshold`` upwards and silence from ``threshold`` - HYSTERESIS downwards;
in between it is whatever the frame before it was. That is the rule of Silero's own iterator
(snakers4/silero-vad, ``VADIterator``): a voice that fades does not flicker.

With ``server_vad`` silence counts from where the voice was heard last (:mod:`antiphon.core.trail`),
since an exact time was asked for. With ``semantic_vad`` it counts from where the detector took
nothing for speech any more: waits are weighed from how long pauses look to it, and so they are
measured.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from antiphon.core.clock import SAMPLES_PER_MS
from antiphon.core.trail import SpeechTrail
from antiphon.wire.audio_config import SemanticVad, ServerVad, TurnDetection

__all__ = [
    "HYSTERESIS",
    "LONGEST_PAUSE_MS",
    "MIN_SPEECH_MS",
    "PAUSE_MS",
    "SURE",
    "UNSURE_SPEECH_MS",
    "SpeechPaused",
    "SpeechResumed",
    "SpeechStarted",
    "SpeechStopped",
    "TurnChange",
    "TurnDetector",
]

HYSTERESIS = 0.15
"""How far below ``threshold`` speech has to fall to be silence."""

_CERTAIN_SILENCE = 0.01
"""Below this it is silent however low ``threshold`` was set, or a turn could never end."""

MIN_SPEECH_MS = 90
"""Shorter sounds (a click, a burst of noise) are not the start of a turn. Three frames of 32 ms
pass, two do not."""

SURE = 0.95
"""From here on the detector is sure of speech. Silero says 0.96 and more to the third frame of
nearly all speech, and less to coughs and to knocks on the table (``bench/barge_in.py``)."""

UNSURE_SPEECH_MS = 250
"""How long sounds have to last to be the start of a turn while the detector is not sure: longer
than a cough. Speech in much noise begins like this."""

PAUSE_MS = 64
"""Silence after which it is worth while to think of the end of the turn. Two frames of 32 ms: the
gaps within words are shorter, as a rule."""

LONGEST_PAUSE_MS = {"low": 8000, "medium": 4000, "high": 2000, "auto": 4000}
"""How long ``semantic_vad`` waits at most, by eagerness; the hosted service's documented limits."""


class SpeechStarted(Struct, frozen=True):
    """Someone began to speak.

    Attributes:
        start: Position of the turn's first sample, prefix padding included.
    """

    start: int


class SpeechStopped(Struct, frozen=True):
    """The speaker has been silent for long enough.

    Attributes:
        end: Position after the turn's last sample, silence included.
    """

    end: int


class SpeechPaused(Struct, frozen=True):
    """The speaker makes a pause, which may be the end of the turn.

    Attributes:
        end: Position after the last sample judged, the beginning of the pause included.
    """

    end: int


class SpeechResumed(Struct, frozen=True):
    """The speaker goes on after a pause."""


TurnChange = SpeechStarted | SpeechPaused | SpeechResumed | SpeechStopped


class _State(Enum):
    QUIET = "quiet"
    SPEAKING = "speaking"
    PAUSED = "paused"


class TurnDetector:
    """The machine above, for one session."""

    def __init__(self, settings: TurnDetection) -> None:
        self.configure(settings)
        self._state = _State.QUIET
        self._voiced = False
        self._changed_at = 0  # where the current run of voiced or unvoiced frames began
        self._trail = SpeechTrail()
        self._judged_until = 0
        self._expected_ms: float | None = None  # what the evidence of this pause says

    @property
    def prefix_padding_ms(self) -> int:
        """How much audio from before the speech belongs to a turn."""
        return self._rules.prefix_padding_ms

    @property
    def speaking(self) -> bool:
        """Whether a turn is under way."""
        return self._state is not _State.QUIET

    @property
    def in_speech(self) -> bool:
        """Whether a turn is under way and the speaker does not pause."""
        return self._state is _State.SPEAKING

    def configure(self, settings: TurnDetection) -> None:
        """Take new settings; the turn under way goes on under them."""
        self._rules = _rules(settings)
        self._counts_exactly = isinstance(settings, ServerVad)

    def expect(self, silence_ms: float) -> None:
        """Take evidence about the pause under way: so much silence in all ends the turn.

        It holds until the speaker goes on, and never lengthens the wait beyond the settings'.
        """
        if self._state is _State.PAUSED:
            self._expected_ms = silence_ms

    @property
    def quiet_until(self) -> int | None:
        """Audio before this position, less the prefix padding, cannot become part of a turn.

        ``None`` while a turn is under way.
        """
        if self.speaking:
            return None
        return self._changed_at if self._voiced else self._judged_until

    def step(
        self, start: int, end: int, probability: float, level_dbfs: float | None = None
    ) -> TurnChange | None:
        """Take the judgement of one frame and say what it changed.

        Args:
            start: Position of the frame's first sample.
            end: Position after its last sample.
            probability: Probability of speech in it, 0 to 1.
            level_dbfs: How loud it is: its mean square, of full scale. ``None`` if it is not known:
                then silence begins where the detector says so.
        """
        self._judged_until = end
        voiced = self._is_voiced(probability)
        if voiced is not self._voiced:
            self._voiced = voiced
            self._changed_at = start if voiced else self._silent_from(start, level_dbfs)
            if voiced and self._state is _State.QUIET:
                self._trail.begin_turn()
        if voiced:
            self._trail.hear(start, level_dbfs)
        lasted_ms = (end - self._changed_at) / SAMPLES_PER_MS
        match self._state:
            case _State.QUIET if voiced and self._is_speech(lasted_ms, probability):
                self._state = _State.SPEAKING
                prefix = self._rules.prefix_padding_ms * SAMPLES_PER_MS
                return SpeechStarted(max(0, self._changed_at - prefix))
            case _State.PAUSED if voiced:
                self._state = _State.SPEAKING
                self._expected_ms = None
                return SpeechResumed()
            case _State.SPEAKING | _State.PAUSED if not voiced and self._is_over(start, end):
                self._state = _State.QUIET
                self._expected_ms = None
                return SpeechStopped(end)
            case _State.SPEAKING if not voiced and lasted_ms >= PAUSE_MS:
                self._state = _State.PAUSED
                return SpeechPaused(end)
        return None

    def reset(self) -> None:
        """Forget the turn under way: its audio was committed or cleared by the client."""
        self._state = _State.QUIET
        self._voiced = False
        self._changed_at = self._judged_until
        self._expected_ms = None

    def _silent_from(self, start: int, level_dbfs: float | None) -> int:
        """Return where silence began, by the first frame of it."""
        speech_end = self._trail.end(start, level_dbfs)
        return speech_end if self._counts_exactly else start

    def _is_over(self, start: int, end: int) -> bool:
        """Whether the silence until the end of a frame ends the turn."""
        silence = end - self._changed_at
        if self._expected_ms is not None and silence >= self._expected_ms * SAMPLES_PER_MS:
            return True
        # Speech ends within a frame, and judgements come at the end of one: with less than a frame
        # to go, the silence after the last sample is as near to what was asked for as it can be.
        to_go = self._rules.silence_duration_ms * SAMPLES_PER_MS - silence
        return to_go < end - start

    def _is_speech(self, lasted_ms: float, probability: float) -> bool:
        """Whether a run of voiced frames is somebody who speaks, and not just a sound."""
        sure = probability >= max(SURE, self._rules.threshold)
        return lasted_ms >= (MIN_SPEECH_MS if sure else UNSURE_SPEECH_MS)

    def _is_voiced(self, probability: float) -> bool:
        if probability < max(self._rules.threshold - HYSTERESIS, _CERTAIN_SILENCE):
            return False
        return probability >= self._rules.threshold or self._voiced


def _rules(settings: TurnDetection) -> ServerVad:
    """Return settings as rules about silence: those of ``semantic_vad`` have a longest pause."""
    if isinstance(settings, SemanticVad):
        return ServerVad(silence_duration_ms=LONGEST_PAUSE_MS[settings.eagerness])
    return settings
