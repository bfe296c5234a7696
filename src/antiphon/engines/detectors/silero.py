"""Silero VAD: how probably someone speaks, every 32 ms.

A plain onnxruntime session; sessions of the server are its batch dimension. The model reads 512
new samples together with the 64 before them and carries the state of an LSTM, so the state row of
a session is both, flattened: https://github.com/snakers4/silero-vad (``utils_vad.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antiphon.engines.base import EngineInfo, EngineSettings, Floats, closed_error
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.engines.native.onnx import open_session
from antiphon.engines.options import file_of
from antiphon.errors import EngineError

__all__ = ["SileroVoiceDetector", "create"]

FRAME_SAMPLES = 512
CONTEXT_SAMPLES = 64
LSTM_SHAPE = (2, 128)
LSTM_FLOATS = LSTM_SHAPE[0] * LSTM_SHAPE[1]


class SileroVoiceDetector:
    """Judges frames of 512 samples (32 ms). Built by :func:`create`.

    Args:
        info: What it is.
        session: An ``onnxruntime.InferenceSession`` of the model.
    """

    frame_samples = FRAME_SAMPLES

    def __init__(self, info: EngineInfo, session: Any) -> None:  # noqa: ANN401 (untyped library)
        self.info = info
        self._session = session
        self._rate_hz = np.array(LISTENING_RATE_HZ, np.int64)
        self._initial_state = np.zeros(LSTM_FLOATS + CONTEXT_SAMPLES, np.float32)
        self._initial_state.setflags(write=False)  # all sessions begin with the same row

    def initial_state(self) -> NDArray[np.float32]:
        """The state row of a session that has heard nothing yet, shape (320,)."""
        return self._initial_state

    def step(
        self, frames: Floats, states: Sequence[NDArray[np.float32]]
    ) -> tuple[Floats, list[NDArray[np.float32]]]:
        """Judge one new frame of each of n sessions; see ``VoiceDetector.step``.

        Raises:
            EngineError: The frames do not have shape (number of states, 512), or the detector was
                closed.
        """
        sessions = len(states)
        if frames.shape != (sessions, FRAME_SAMPLES):
            message = f"frames must have shape ({sessions}, {FRAME_SAMPLES}), not {frames.shape}"
            raise EngineError(message, stage="detect", code="invalid_frames")
        if self._session is None:
            raise closed_error(self.info.name, "detect")
        if not sessions:
            return np.zeros(0, np.float32), []
        rows = np.stack(states)
        lstm, context = rows[:, :LSTM_FLOATS], rows[:, LSTM_FLOATS:]
        inputs = {
            "input": np.concatenate([context, frames], axis=1),
            "state": lstm.reshape(sessions, *LSTM_SHAPE).transpose(1, 0, 2),
            "sr": self._rate_hz,
        }
        try:
            probabilities, new_lstm = self._session.run(None, inputs)
        except Exception as error:  # onnxruntime's exceptions have no common base
            message = f"{self.info.name} failed: {error}"
            raise EngineError(message, stage="detect") from error
        new_rows = np.concatenate(
            [
                new_lstm.transpose(1, 0, 2).reshape(sessions, LSTM_FLOATS),
                frames[:, -CONTEXT_SAMPLES:],
            ],
            axis=1,
        )
        # Copies: a row that is a view would keep the rows of all these sessions in memory.
        return probabilities[:, 0], [row.copy() for row in new_rows]

    async def aclose(self) -> None:
        """Free the model."""
        self._session = None


def create(settings: EngineSettings) -> SileroVoiceDetector:
    """Load the file ``model``. It computes on the calling thread, whatever ``threads`` says.

    Raises:
        EngineError: The model cannot be loaded.
    """
    path = file_of(settings, "model", "detect")
    detector = SileroVoiceDetector(
        EngineInfo(name=settings.name, role="voice_detector", rate_hz=LISTENING_RATE_HZ),
        open_session(path, threads=1, stage="detect"),
    )
    detector.step(np.zeros((1, FRAME_SAMPLES), np.float32), [detector.initial_state()])  # slow once
    return detector
