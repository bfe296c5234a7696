"""Scripted engines that help the detector: a denoiser and a turn predictor.

Without a script they follow rules:

* the **denoiser** silences every 10 ms that are not louder than a threshold;
* the **turn predictor** takes every pause for the end of the turn.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ, MicrophoneDistance
from antiphon.engines.scripted.engines import REMEMBERED_REQUESTS, ScriptedEngine
from antiphon.engines.scripted.script import Judge, PredictionStep, Reel, Script, read_script

__all__ = [
    "ScriptedDenoiser",
    "ScriptedDenoisingStream",
    "ScriptedTurnPredictor",
    "create_denoiser",
    "create_turn_predictor",
]

HOP_SAMPLES = 10 * LISTENING_RATE_HZ // 1000


class ScriptedDenoisingStream:
    """Silences what is not louder than a threshold, 10 ms at a time; only the rest is foreground.

    Args:
        noise_rms: The threshold, a root mean square.
    """

    delay_samples = HOP_SAMPLES - 1

    def __init__(self, noise_rms: float) -> None:
        self._noise_rms = noise_rms
        self._pending = np.zeros(0, np.float32)
        self._position = 0
        self._loud: deque[tuple[int, int]] = deque()

    def push(self, audio: Floats) -> Floats:
        """Return what is complete; see ``DenoisingStream.push``."""
        pending = np.concatenate([self._pending, audio])
        whole_samples = len(pending) // HOP_SAMPLES * HOP_SAMPLES
        self._pending = pending[whole_samples:]
        return self._silence(pending[:whole_samples])

    def flush(self) -> Floats:
        """Return the rest; see ``DenoisingStream.flush``."""
        rest, self._pending = self._pending, np.zeros(0, np.float32)
        return self._silence(rest)

    def in_foreground(self, start: int, end: int) -> bool:
        """Whether anything in the span is loud; see ``DenoisingStream.in_foreground``."""
        while self._loud and self._loud[0][1] <= start:
            self._loud.popleft()
        return bool(self._loud) and self._loud[0][0] < end

    def _silence(self, audio: Floats) -> Floats:
        cleaned = audio.copy()
        for start in range(0, len(audio), HOP_SAMPLES):
            hop = cleaned[start : start + HOP_SAMPLES]
            if np.sqrt(np.mean(np.square(hop))) > self._noise_rms:
                self._loud.append((self._position, self._position + len(hop)))
            else:
                hop[:] = 0
            self._position += len(hop)
        return cleaned


class ScriptedDenoiser(ScriptedEngine):
    """Opens streams that silence what is quiet.

    Attributes:
        opened: Distance and strength of the last streams it was asked for.
    """

    def __init__(self, info: EngineInfo, script: Script) -> None:
        super().__init__(info, script, "detect")
        self.opened: deque[tuple[MicrophoneDistance, float]] = deque(maxlen=REMEMBERED_REQUESTS)

    def open(self, distance: MicrophoneDistance, strength: float) -> ScriptedDenoisingStream:
        """Begin a stream. The strength scales the threshold; the distance makes no difference."""
        self.check_open()
        self.opened.append((distance, strength))
        scaled_rms = self._script.noise_rms * strength
        return ScriptedDenoisingStream(scaled_rms if strength > 0 else -1.0)


class ScriptedTurnPredictor(ScriptedEngine):
    """Judges what the script says.

    Attributes:
        reel: Its takes.
        heard: The audio it was given last.
    """

    def __init__(self, info: EngineInfo, script: Script) -> None:
        super().__init__(info, script, "detect")
        self.reel: Reel[PredictionStep] = Reel(script.predictions)
        self.heard: deque[Floats] = deque(maxlen=REMEMBERED_REQUESTS)

    async def predict(self, audio: Floats) -> float:
        """Act out the next take, up to its judgement."""
        self.check_open()
        self.heard.append(audio)
        for step in self.reel.next_for("") or ():
            await self.keep_time(step)
            if isinstance(step, Judge):
                return step.probability
        return self._script.turn_probability


def create_denoiser(settings: EngineSettings) -> ScriptedDenoiser:
    """Build the scripted denoiser; see ``script.read_script``."""
    info = EngineInfo(name=settings.name, role="denoiser", rate_hz=LISTENING_RATE_HZ)
    return ScriptedDenoiser(info, read_script(settings.options, "detect"))


def create_turn_predictor(settings: EngineSettings) -> ScriptedTurnPredictor:
    """Build the scripted turn predictor; see ``script.read_script``."""
    info = EngineInfo(name=settings.name, role="turn_predictor", rate_hz=LISTENING_RATE_HZ)
    return ScriptedTurnPredictor(info, read_script(settings.options, "detect"))
