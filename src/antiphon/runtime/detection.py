"""One voice detector for all sessions of a process, stepped for as many of them at once as wait."""

from __future__ import annotations

from typing import Protocol

import anyio
import anyio.lowlevel
import numpy as np
from numpy.typing import NDArray

from antiphon.engines.base import Floats, VoiceDetector

__all__ = ["Detection", "Listener"]


class Listener(Protocol):
    """A session as detection sees it.

    Attributes:
        detector_state: The session's row of the detector's state.
    """

    detector_state: NDArray[np.float32]

    def next_frame(self) -> Floats | None:
        """Take the next frame that has not been judged; ``None`` if there is none."""
        ...

    def judge(self, probability: float) -> None:
        """Take the judgement of the frame taken last."""
        ...

    def detection_failed(self, error: Exception) -> None:
        """The detector gave up, or the session could not take a judgement."""
        ...


class Detection:
    """Judges frames in rounds: one frame of each waiting session, all in one call.

    Between rounds the event loop gets its turn, so that a client which appends minutes of audio at
    once does not hold up the others. Whatever goes wrong ends only the sessions that it concerns.
    """

    def __init__(self, detector: VoiceDetector) -> None:
        self._detector = detector
        self._waiting: dict[Listener, None] = {}  # in order of arrival
        self._notified = anyio.Event()

    @property
    def frame_samples(self) -> int:
        """Samples in one frame, at 16 kHz."""
        return self._detector.frame_samples

    def initial_state(self) -> NDArray[np.float32]:
        """Return the state row of a session that has heard nothing."""
        return self._detector.initial_state()

    def notify(self, listener: Listener) -> None:
        """Note that a session may have a frame to judge."""
        self._waiting[listener] = None
        self._notified.set()

    def forget(self, listener: Listener) -> None:
        """Note that a session is over, or wants no detection any more."""
        self._waiting.pop(listener, None)

    async def run(self) -> None:
        """Judge until cancelled."""
        while True:
            await self._notified.wait()
            self._notified = anyio.Event()
            self._round()
            await anyio.lowlevel.checkpoint()

    def _round(self) -> None:
        listeners, self._waiting = list(self._waiting), {}
        taken = [(one, frame) for one in listeners if (frame := one.next_frame()) is not None]
        if not taken:
            return
        try:
            probabilities, states = self._detector.step(
                np.stack([frame for _, frame in taken]), [one.detector_state for one, _ in taken]
            )
        except Exception as error:  # engines should raise EngineError only; other sessions go on
            for listener, _ in taken:
                listener.detection_failed(error)
            return
        for (listener, _), probability, state in zip(taken, probabilities, states, strict=True):
            listener.detector_state = state
            self.notify(listener)  # there may be another frame; judging may also end the session
            try:
                listener.judge(float(probability))
            except Exception as error:  # a mistake in one session is not to stop the others
                self.forget(listener)
                listener.detection_failed(error)
