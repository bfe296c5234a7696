"""Smart Turn: has the speaker finished, or only paused? By plain onnxruntime.

The encoder of Whisper tiny under a classifier, trained on the last eight seconds of turns, so it
hears melody and words alike: https://github.com/pipecat-ai/smart-turn. It is asked when somebody
falls silent, and its answer is a hint, not a verdict.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.ears.mel import log_mel
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.engines.native.onnx import open_session
from antiphon.engines.native.pool import WorkerPool
from antiphon.engines.options import file_of

__all__ = ["SmartTurnPredictor", "create"]

HEARD_SAMPLES = 8 * LISTENING_RATE_HZ
"""All that the model hears. Silence precedes shorter audio; of longer audio the end counts."""

VARIANCE_FLOOR = 1e-7
"""Keeps silence finite; the value of Hugging Face's ``WhisperFeatureExtractor``."""


class SmartTurnPredictor:
    """Judges pauses. Built by :func:`create`.

    Args:
        info: What it is.
        session: An ``onnxruntime.InferenceSession`` of the model.
        threads: How many pauses are judged at once, each on one thread.
    """

    def __init__(self, info: EngineInfo, session: Any, threads: int) -> None:  # noqa: ANN401
        self.info = info
        self._session = session
        self._pool = WorkerPool(stage="detect", threads=threads, name=info.name)

    async def predict(self, audio: Floats) -> float:
        """Judge the pause at the end of ``audio``; see ``TurnPredictor.predict``.

        Raises:
            EngineError: stage ``detect``: the model failed, or the predictor was closed.
        """
        return await self._pool.call(lambda: self._predict(audio))

    async def aclose(self) -> None:
        """Cancel all work and free the model. May be called twice."""
        await self._pool.aclose()
        self._session = None

    def _predict(self, audio: Floats) -> float:
        (probabilities,) = self._session.run(None, {"input_features": features(audio)})
        return float(probabilities[0, 0])  # the graph ends in a sigmoid, whatever its output's name


def features(audio: Floats) -> Floats:
    """What the model hears of ``audio``.

    It was trained on features of ``WhisperFeatureExtractor(chunk_length=8)`` with
    ``do_normalize=True``: the eight seconds, padding included, have zero mean and unit variance.

    Args:
        audio: Shape (n,), float32 at 16 kHz.

    Returns:
        Shape (1, 80, 800), float32.
    """
    heard = np.zeros(HEARD_SAMPLES, np.float32)
    end_of_turn = audio[-HEARD_SAMPLES:]
    heard[HEARD_SAMPLES - len(end_of_turn) :] = end_of_turn
    normal: Floats = (heard - heard.mean()) / np.sqrt(heard.var() + np.float32(VARIANCE_FLOOR))
    return log_mel(normal)[np.newaxis]


def create(settings: EngineSettings) -> SmartTurnPredictor:
    """Load the file ``model``.

    Raises:
        EngineError: The model cannot be loaded.
    """
    path = file_of(settings, "model", "detect")
    return SmartTurnPredictor(
        EngineInfo(name=settings.name, role="turn_predictor", rate_hz=LISTENING_RATE_HZ),
        open_session(path, threads=1, stage="detect"),
        settings.threads,
    )
