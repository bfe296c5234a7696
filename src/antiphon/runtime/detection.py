"""One voice detector for all sessions of a process, stepped for as many of them at once as wait."""

from __future__ import annotations

import logging
from itertools import islice
from typing import Protocol

import anyio
import anyio.lowlevel
import numpy as np
from numpy.typing import NDArray

from antiphon.audio.levels import levels_dbfs
from antiphon.engines.base import Floats
from antiphon.engines.hearing import VoiceDetector

__all__ = ["MAX_BATCH", "MAX_REST_S", "Detection", "Listener"]

_log = logging.getLogger(__name__)

MAX_BATCH = 16
"""Sessions judged in one call, at most. With Silero that is 0.6 ms, for which the event loop stands
still, and 34 µs a frame; larger batches are no cheaper."""

MAX_REST_S = 0.016
"""How long detection rests at most, while frames of several sessions gather: half a frame."""

_REST_RATIO = 8
"""How much longer it rests than it has worked. With few sessions that is a millisecond or two, over
before the next audio comes; with many, the rest is what fills the batches."""


class Listener(Protocol):
    """A session as detection sees it.

    Attributes:
        detector_state: The session's row of the detector's state.
    """

    detector_state: NDArray[np.float32]

    def next_frame(self) -> Floats | None:
        """Take the next frame that has not been judged; ``None`` if there is none."""
        ...

    def judge(self, probability: float, level_dbfs: float) -> None:
        """Take the judgement of the frame taken last, and how loud that was."""
        ...

    def detection_failed(self, error: Exception) -> None:
        """The detector gave up, or the session made a mistake: it is judged no more."""
        ...


class Detection:
    """Judges frames in rounds: one frame of each waiting session, all in one call.

    Between rounds the event loop gets its turn, so that a client which appends minutes of audio at
    once does not hold up the others. When nothing is left to judge, detection rests for a moment:
    a frame judged by itself costs twice as much as one among sixteen, so the more there is to do,
    the more it pays to let it gather. Whatever goes wrong ends only the sessions that it concerns.
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
            worked_s = 0.0
            while self._waiting:
                began_s = anyio.current_time()
                self._round()
                worked_s += anyio.current_time() - began_s
                await anyio.lowlevel.checkpoint()
            await anyio.sleep(min(worked_s * _REST_RATIO, MAX_REST_S))

    def _round(self) -> None:
        listeners = list(islice(self._waiting, MAX_BATCH))
        for listener in listeners:
            del self._waiting[listener]
        taken = [(one, frame) for one in listeners if (frame := self._take(one)) is not None]
        if taken:
            self._judge(taken)

    def _take(self, listener: Listener) -> Floats | None:
        """Take the next frame of a session, if it has one and can give it."""
        try:
            return listener.next_frame()
        except Exception as error:  # a mistake in one session is not to stop the others
            self._fail(listener, error)
            return None

    def _judge(self, taken: list[tuple[Listener, Floats]]) -> None:
        """Judge a frame of each; if that fails, of each by itself, to find whose it is."""
        try:
            frames = np.stack([frame for _, frame in taken])
            probabilities, states = self._detector.step(
                frames, [one.detector_state for one, _ in taken]
            )
            judged = list(zip(taken, probabilities, levels_dbfs(frames), states, strict=True))
        except Exception as error:  # engines should raise EngineError only; other sessions go on
            if len(taken) == 1:
                self._fail(taken[0][0], error)
            else:
                for one in taken:
                    self._judge([one])
            return
        for (listener, _), probability, level_dbfs, state in judged:
            listener.detector_state = state
            self.notify(listener)  # there may be another frame; judging may also end the session
            try:
                listener.judge(float(probability), level_dbfs)
            except Exception as error:
                self._fail(listener, error)

    def _fail(self, listener: Listener, error: Exception) -> None:
        """Tell a session that it is not judged any more."""
        self.forget(listener)
        try:
            listener.detection_failed(error)
        except Exception:
            _log.exception("a session could not be told that its voice detection failed")
