"""When a turn begins and ends: turn detection by voice activity (``server_vad``).

The detector gives a probability of speech for every frame of some 32 ms. This machine turns the
row of probabilities into turns, on the input audio clock alone: how fast audio arrives makes no
difference to what is decided.

========  ===================================================  ========
state     what happens                                         next
========  ===================================================  ========
QUIET     speech for MIN_SPEECH_MS                             SPEAKING
SPEAKING  no speech for ``silence_duration_ms``                QUIET
========  ===================================================  ========

A frame is speech from ``threshold`` upwards and silence from ``threshold`` - HYSTERESIS downwards;
in between it is whatever the frame before it was. That is the rule of Silero's own iterator
(snakers4/silero-vad, ``VADIterator``): a voice that fades does not flicker.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from antiphon.core.clock import SAMPLES_PER_MS
from antiphon.wire.session import ServerVad

__all__ = ["HYSTERESIS", "MIN_SPEECH_MS", "SpeechStarted", "SpeechStopped", "TurnDetector"]

HYSTERESIS = 0.15
"""How far below ``threshold`` speech has to fall to be silence."""

_CERTAIN_SILENCE = 0.01
"""Below this it is silent however low ``threshold`` was set, or a turn could never end."""

MIN_SPEECH_MS = 90
"""Shorter sounds (a click, a knock on the table) are not the start of a turn. Three frames of
32 ms pass, two do not."""


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


class _State(Enum):
    QUIET = "quiet"
    SPEAKING = "speaking"


class TurnDetector:
    """The machine above, for one session."""

    def __init__(self, settings: ServerVad) -> None:
        self.settings = settings
        """May be replaced at any time; the turn under way goes on under the new ones."""
        self._state = _State.QUIET
        self._voiced = False
        self._changed_at = 0  # where the current run of voiced or unvoiced frames began
        self._judged_until = 0

    @property
    def speaking(self) -> bool:
        """Whether a turn is under way."""
        return self._state is _State.SPEAKING

    @property
    def quiet_until(self) -> int | None:
        """Audio before this position, less the prefix padding, cannot become part of a turn.

        ``None`` while a turn is under way.
        """
        if self.speaking:
            return None
        return self._changed_at if self._voiced else self._judged_until

    def step(
        self, start: int, end: int, probability: float
    ) -> SpeechStarted | SpeechStopped | None:
        """Take the judgement of one frame and say whether a turn began or ended with it.

        Args:
            start: Position of the frame's first sample.
            end: Position after its last sample.
            probability: Probability of speech in it, 0 to 1.
        """
        self._judged_until = end
        voiced = self._is_voiced(probability)
        if voiced is not self._voiced:
            self._voiced = voiced
            self._changed_at = start
        lasted_ms = (end - self._changed_at) / SAMPLES_PER_MS
        if self._state is _State.QUIET:
            if voiced and lasted_ms >= MIN_SPEECH_MS:
                self._state = _State.SPEAKING
                prefix = self.settings.prefix_padding_ms * SAMPLES_PER_MS
                return SpeechStarted(max(0, self._changed_at - prefix))
        elif not voiced and lasted_ms >= self.settings.silence_duration_ms:
            self._state = _State.QUIET
            return SpeechStopped(end)
        return None

    def reset(self) -> None:
        """Forget the turn under way: its audio was committed or cleared by the client."""
        self._state = _State.QUIET
        self._voiced = False
        self._changed_at = self._judged_until

    def _is_voiced(self, probability: float) -> bool:
        if probability < max(self.settings.threshold - HYSTERESIS, _CERTAIN_SILENCE):
            return False
        return probability >= self.settings.threshold or self._voiced
