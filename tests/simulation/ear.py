"""Input audio, as far as the core hears of it."""

from antiphon.audio.resample import resampled_length
from antiphon.core.clock import INPUT_CLOCK_HZ
from antiphon.core.signals import AudioAppended, FrameRefused, Signal, SpeechProbability
from antiphon.errors import RequestError
from antiphon.wire.audio_config import AudioFormat, AudioInput, PcmFormat
from tests.simulation.audio import is_loud
from tests.simulation.dice import Dice

__all__ = ["Ear"]

FRAME_SAMPLES = 512
"""How much audio the voice detector judges at a time."""


class Ear:
    """The input audio of one session, and a voice detector that errs at times.

    Attributes:
        clock: Position after the last sample that was appended.
    """

    def __init__(self, dice: Dice) -> None:
        self.clock = 0
        self._dice = dice
        self._format: AudioFormat = PcmFormat()
        self._format_since = 0
        self._wire_samples = 0
        self._detecting = False
        self._has_ended = False
        self._judged_until = 0
        self._loud: list[tuple[int, bool]] = []  # (position after it, whether someone speaks)

    def configure(self, settings: AudioInput) -> None:
        """Take new settings."""
        if settings.format != self._format:
            self._format = settings.format
            self._format_since = self.clock
            self._wire_samples = 0
        detecting = settings.turn_detection is not None
        if detecting and not self._detecting:
            self._judged_until = self.clock
        self._detecting = detecting

    def append(self, audio: bytes) -> Signal:
        """Hear more audio."""
        is_pcm = isinstance(self._format, PcmFormat)
        if is_pcm and len(audio) % 2:
            message = "not a whole number of samples"
            return FrameRefused(RequestError(message, code="invalid_value", param="audio"))
        rate_hz = self._format.rate if isinstance(self._format, PcmFormat) else 8000
        self._wire_samples += len(audio) // (2 if is_pcm else 1)
        heard = resampled_length(self._wire_samples, rate_hz, INPUT_CLOCK_HZ)
        self.clock = self._format_since + heard
        self._loud.append((self.clock, is_loud(audio)))
        return AudioAppended(self.clock)

    def drop(self, before: int) -> None:
        """Forget audio before a position."""
        self._judged_until = max(self._judged_until, before)

    def end(self) -> None:
        """Take no more; the last frame is filled up with silence."""
        self._has_ended = True

    def judge(self) -> SpeechProbability | None:
        """Judge one more frame, if there is one."""
        end = self._judged_until + FRAME_SAMPLES
        heard = self._judged_until < self.clock if self._has_ended else end <= self.clock
        if not self._detecting or not heard:
            return None
        start, self._judged_until = self._judged_until, end
        while self._loud[0][0] < min(end, self.clock):
            del self._loud[0]
        loud = self._loud[0][1] != self._dice.chance(0.02)  # detectors err
        probability = 0.9 if loud else self._dice.choice([0.0, 0.1, 0.4])
        return SpeechProbability(start, end, probability, self._dice.choice([-20.0, -50.0, -100.0]))
