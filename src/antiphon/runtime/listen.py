"""What one session hears: bytes from the client, to samples in the ring, to judged frames."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context

import numpy as np
from msgspec import UNSET

from antiphon.audio.formats import codec_of
from antiphon.audio.resample import Resampler, resampled_length
from antiphon.audio.ring import Ring
from antiphon.core.clock import INPUT_CLOCK_HZ, Span
from antiphon.core.signals import AudioAppended, Signal, SpeechProbability
from antiphon.engines.base import Floats
from antiphon.engines.hearing import Denoiser, DenoisingStream
from antiphon.errors import RequestError
from antiphon.runtime.detection import Detection
from antiphon.wire.audio_config import AudioFormat, NoiseReduction

__all__ = ["MAX_HELD_S", "Ear"]

FINAL_SILENCE_S = 0.5
"""What follows the end of the input: longer than a detector's frame and what the resampler holds
back, so that the last of the speech is judged."""

MAX_HELD_S = 600
"""How much audio may wait to be committed. Ten minutes are 19 MB."""


class Ear:
    """The input audio of one session.

    The audio clock counts what the client sent, exactly. The resampler holds a few milliseconds
    back, so the ring may lag behind the clock; it catches up when a span up to the clock's end is
    read.
    """

    def __init__(
        self,
        audio_format: AudioFormat,
        detection: Detection,
        denoiser: Denoiser,
        *,
        feed: Callable[[Signal], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self.detector_state = detection.initial_state()
        self._detection = detection
        self._denoiser = denoiser
        self._noise_reduction: NoiseReduction | None = None
        self._denoising: DenoisingStream | None = None
        self._denoised_since = 0
        self._feed = feed
        self._fail = fail
        # Detection is a task of the process, and what a judgement leads to one of the session.
        self._context = copy_context()
        self._ring = Ring(capacity_samples=MAX_HELD_S * INPUT_CLOCK_HZ)
        self._detecting = False
        self._ended = False
        self._judged_until = 0
        self._set_format(audio_format)

    def configure(
        self,
        audio_format: AudioFormat,
        *,
        detecting: bool,
        noise_reduction: NoiseReduction | None = None,
    ) -> None:
        """Take new settings; what was heard so far was heard under the old ones."""
        if noise_reduction != self._noise_reduction:
            self._set_noise_reduction(noise_reduction)
        if audio_format != self._format:
            self._catch_up()
            self._set_format(audio_format)
        if detecting and not self._detecting:
            self.detector_state = self._detection.initial_state()
            self._judged_until = self._ring.end
        self._detecting = detecting

    def append(self, audio: bytes) -> None:
        """Hear more audio.

        Raises:
            RequestError: The bytes are not whole samples, too much audio waits already, or the
                input has been ended.
        """
        if self._ended:
            message = "The session is being closed: it takes no more audio. Open another one."
            raise RequestError(message, code="session_closing", param="type")
        samples = self._codec.decode(audio)
        if resampled_length(len(samples), self._codec.rate_hz, INPUT_CLOCK_HZ) > (
            self._ring.room_samples - INPUT_CLOCK_HZ
        ):
            message = (
                f"The input audio buffer holds {MAX_HELD_S} s of audio at most; this would be "
                "more. Commit or clear it first; while it is translated, send it as fast as it is "
                "spoken."
            )
            raise RequestError(message, code="input_audio_buffer_full", param="audio")
        self._wire_samples += len(samples)
        self._hear(self._resampler.push(samples))
        self._feed(AudioAppended(self._clock()))
        if self._detecting:
            self._detection.notify(self)

    def listen(self, samples: Floats) -> None:
        """Hear audio that does not come in the format of the wire. All of it has to be heard.

        There is nobody who could be told that there is no room for it, since a microphone is never
        silent: what is oldest is forgotten in its place.

        Args:
            samples: Shape (n,), float32 at 16 kHz.
        """
        missing = len(samples) + INPUT_CLOCK_HZ - self._ring.room_samples
        if missing > 0:
            self.drop(self._ring.start + missing)
        self._format_since += len(samples)
        self._hear(samples)
        self._feed(AudioAppended(self._clock()))
        if self._detecting:
            self._detection.notify(self)

    def end(self) -> None:
        """Take no more audio, and have all there is judged: silence is put behind it."""
        self._ended = True
        silence = np.zeros(round(FINAL_SILENCE_S * self._codec.rate_hz), np.float32)
        self._hear(self._resampler.push(silence))
        self._detection.notify(self)

    def read(self, span: Span) -> Floats:
        """Copy a span of the input.

        Returns:
            Shape (n,), float32 at 16 kHz.
        """
        if span.end > self._ring.end:
            self._catch_up()
        return self._ring.read(max(span.start, self._ring.start), min(span.end, self._ring.end))

    def decode(self, audio: bytes) -> Floats:
        """Turn audio that came as part of an item into samples.

        Returns:
            Shape (n,), float32 at 16 kHz.
        """
        resampler = Resampler(self._codec.rate_hz, INPUT_CLOCK_HZ)
        head = resampler.push(self._codec.decode(audio))
        return np.concatenate([head, resampler.flush()])

    def drop(self, before: int) -> None:
        """Forget audio before a position."""
        self._ring.drop_before(before)
        self._judged_until = max(self._judged_until, self._ring.start)

    def close(self) -> None:
        """Take no further part in detection, and forget all that was heard."""
        self._detection.forget(self)
        self.drop(self._ring.end)

    # --- as a listener of the detector ------------------------------------------------------------

    def next_frame(self) -> Floats | None:
        """Take the next frame that has not been judged; ``None`` if there is none."""
        end = self._judged_until + self._detection.frame_samples
        if not self._detecting or end > self._ring.end:
            return None
        frame = self._ring.read(self._judged_until, end)
        self._judged_until = end
        return frame

    def judge(self, probability: float, level_dbfs: float) -> None:
        """Pass the judgement of the frame taken last on to the session."""
        start = self._judged_until - self._detection.frame_samples
        if not self._is_near(start, self._judged_until):
            probability = 0.0  # somebody speaks, but to somebody else
        judged = SpeechProbability(start, self._judged_until, probability, level_dbfs)
        self._context.run(self._feed, judged)

    def detection_failed(self, error: Exception) -> None:
        """Pass the failure on to the host."""
        self._context.run(self._fail, error)

    # --- noise ------------------------------------------------------------------------------------

    def _set_noise_reduction(self, wanted: NoiseReduction | None) -> None:
        self._noise_reduction = wanted
        if self._denoising is not None:
            self._ring.append(self._denoising.flush())
        self._denoising = None
        if wanted is not None:
            assert wanted.strength is not UNSET, "the session has filled it in"
            self._denoising = self._denoiser.open(wanted.type, wanted.strength)
            self._denoised_since = self._ring.end

    def _hear(self, samples: Floats) -> None:
        """Put samples into the ring, cleaned if they are to be."""
        self._ring.append(samples if self._denoising is None else self._denoising.push(samples))

    def _is_near(self, start: int, end: int) -> bool:
        """Whether a frame is of somebody who speaks into the microphone."""
        first = start - self._denoised_since
        if self._denoising is None or first < 0:
            return True
        return self._denoising.in_foreground(first, end - self._denoised_since)

    # --- the clock --------------------------------------------------------------------------------

    def _set_format(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._codec = codec_of(audio_format)
        self._resampler = Resampler(self._codec.rate_hz, INPUT_CLOCK_HZ)
        self._format_since = self._ring.end
        self._wire_samples = 0

    def _clock(self) -> int:
        """Return the position after the last sample the client sent."""
        heard = resampled_length(self._wire_samples, self._codec.rate_hz, INPUT_CLOCK_HZ)
        return self._format_since + heard

    def _catch_up(self) -> None:
        """Bring the ring up to the clock."""
        self._hear(self._resampler.flush())
        if self._denoising is not None:
            self._ring.append(self._denoising.flush())
        self._format_since = self._ring.end
        self._wire_samples = 0
