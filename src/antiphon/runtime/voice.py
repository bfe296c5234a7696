"""One voice as it sounds: at any speed and sample rate, whatever its synthesizer is fit for."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from antiphon.audio.resample import Resampler
from antiphon.audio.stretch import TimeStretch
from antiphon.engines.base import Floats
from antiphon.engines.speaking import SpeechRequest
from antiphon.runtime.engine_set import EngineSet

__all__ = ["Voice"]


class Voice:
    """Speaks one text after the other, as one stream of audio.

    Args:
        engines: Who speaks.
        name: The voice, as clients call it.
        speed: Speaking rate, 1.0 is what the voice has by itself; over 0.
        rate_hz: Sample rate of what is heard.
    """

    def __init__(self, engines: EngineSet, name: str, speed: float, rate_hz: int) -> None:
        self._synthesizer = engines.synthesizer
        self._voice, usual_speed = engines.voice_named(name)
        wanted_speed = usual_speed * speed
        slowest, fastest = self._synthesizer.info.speeds
        self._speed = min(max(wanted_speed, slowest), fastest)
        self._stretch_factor = self._speed / wanted_speed
        self._resampler = Resampler(self._synthesizer.info.rate_hz, rate_hz)

    async def speak(self, text: str) -> AsyncGenerator[Floats, None]:
        """Speak a segment of text.

        Yields:
            Chunks of mono float32 samples, of any length, even none.

        Raises:
            EngineError: stage ``synthesize``.
        """
        request = SpeechRequest(text=text, voice=self._voice, speed=self._speed)
        stretch = TimeStretch(self._stretch_factor, self._synthesizer.info.rate_hz)
        async with aclosing(self._synthesizer.synthesize(request)) as chunks:
            async for chunk in chunks:
                yield self._resampler.push(stretch.push(chunk))
        yield self._resampler.push(stretch.flush())

    def flush(self) -> Floats:
        """Return what is held back of the stream's end: shape (n,), float32."""
        return self._resampler.flush()
