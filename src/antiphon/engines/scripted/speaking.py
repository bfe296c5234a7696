"""The scripted synthesizer.

Without a script it sounds a steady tone whose length follows the text.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterator

import numpy as np

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.scripted.engine import REMEMBERED_REQUESTS, ScriptedEngine
from antiphon.engines.scripted.script import Reel, Script, Sound, SpeechStep, Wait, read_script
from antiphon.engines.speaking import SpeechRequest, require_voice

__all__ = [
    "SPEAKING_RATE_HZ",
    "TONES_HZ",
    "ScriptedSynthesizer",
    "create_synthesizer",
    "tone",
]

SPEAKING_RATE_HZ = 24_000
CHUNK_MS = 100

TONE_AMPLITUDE = 0.25
TONES_HZ = {"alto": 440.0, "tenor": 220.0, "bass": 110.0}
"""The synthesizer's voices. Each is loud enough for the scripted voice detector."""


class ScriptedSynthesizer(ScriptedEngine):
    """Sounds a steady tone for as long as the script says.

    Attributes:
        reel: Its takes.
        requests: The last segments it was given.
    """

    def __init__(self, info: EngineInfo, script: Script) -> None:
        super().__init__(info, script, "synthesize")
        self.reel: Reel[SpeechStep] = Reel(script.speeches)
        self.requests: deque[SpeechRequest] = deque(maxlen=REMEMBERED_REQUESTS)

    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        """Yield the take's tone in chunks of 100 ms (the last one may be shorter)."""
        self.check_open()
        require_voice(self.info, request.voice)
        self.requests.append(request)
        steps = self.reel.next_for(request.text)
        if steps is None:
            steps = self._by_rule(request)
        for step in steps:
            await self.keep_time(step)
            if isinstance(step, Sound):
                for chunk in tone(step.ms, TONES_HZ[request.voice]):
                    await self._pass(step.every_ms)
                    yield chunk

    def _by_rule(self, request: SpeechRequest) -> tuple[SpeechStep, ...]:
        spoken_ms = len(request.text) * self._script.ms_per_character / request.speed
        return (Wait(self._script.synthesize_ms), Sound(spoken_ms))


def create_synthesizer(settings: EngineSettings) -> ScriptedSynthesizer:
    """Build the scripted synthesizer; see ``script.read_script``."""
    info = EngineInfo(
        name=settings.name,
        role="synthesizer",
        scripted=True,
        rate_hz=SPEAKING_RATE_HZ,
        voices=tuple(TONES_HZ),
    )
    return ScriptedSynthesizer(info, read_script(settings.options, "synthesize"))


def tone(ms: float, frequency_hz: float) -> Iterator[Floats]:
    """A sine of ``ms`` milliseconds at 24 kHz, in chunks of 100 ms with unbroken phase."""
    samples = round(ms * SPEAKING_RATE_HZ / 1000)
    chunk_samples = CHUNK_MS * SPEAKING_RATE_HZ // 1000
    for start in range(0, samples, chunk_samples):
        at = np.arange(start, min(start + chunk_samples, samples))
        wave = TONE_AMPLITUDE * np.sin(2 * np.pi * frequency_hz * at / SPEAKING_RATE_HZ)
        yield wave.astype(np.float32)
