from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest

from antiphon.engines.base import EngineInfo, Floats
from antiphon.engines.scripted.hearing import ScriptedVoiceDetector
from antiphon.engines.scripted.script import Script
from antiphon.errors import EngineError
from antiphon.runtime.detection import MAX_BATCH, Detection

FRAME = 512


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


class CountingDetector(ScriptedVoiceDetector):
    """Counts in each session's state the frames of it that were judged."""

    def __init__(self, failure: Exception | None = None) -> None:
        info = EngineInfo(name="counting", role="voice_detector", rate_hz=16_000)
        super().__init__(info, Script(), "detect")
        self.batches: list[int] = []
        self.failure = failure

    def initial_state(self):
        return np.zeros(1, np.float32)

    def step(self, frames, states):
        self.batches.append(len(frames))
        if self.failure is not None:
            raise self.failure
        probabilities, _ = super().step(frames, states)
        return probabilities, [state + 1 for state in states]


class Session:
    """A listener with frames in store; loud ones are 1, silent ones 0."""

    def __init__(self, detection: Detection, *frames: int) -> None:
        self.detector_state = detection.initial_state()
        self.frames = list(frames)
        self.judgements: list[float] = []
        self.levels: list[float] = []
        self.failure: Exception | None = None
        self.breaks = False
        self.breaks_before_judgement = False
        self.breaks_when_told = False

    def next_frame(self) -> Floats | None:
        if self.breaks_before_judgement:
            raise ZeroDivisionError
        if not self.frames:
            return None
        return np.full(FRAME, 0.5 * self.frames.pop(0), np.float32)

    def judge(self, probability: float, level_dbfs: float) -> None:
        if self.breaks:
            raise ZeroDivisionError
        self.judgements.append(probability)
        self.levels.append(level_dbfs)

    def detection_failed(self, error: Exception) -> None:
        self.failure = error
        if self.breaks_when_told:
            raise ZeroDivisionError


@asynccontextmanager
async def running(detector: CountingDetector) -> AsyncIterator[Detection]:
    async with anyio.create_task_group() as tasks:
        detection = Detection(detector)
        tasks.start_soon(detection.run)
        yield detection
        tasks.cancel_scope.cancel()


async def test_every_frame_is_judged_in_order_after_one_notice():
    detector = CountingDetector()
    async with running(detector) as detection:
        session = Session(detection, 1, 0, 1, 1)
        detection.notify(session)
        await anyio.sleep(1)
    assert session.judgements == [1, 0, 1, 1]
    assert session.detector_state == 4


async def test_every_session_learns_how_loud_its_own_frames_are():
    async with running(CountingDetector()) as detection:
        first, second = Session(detection, 1, 0), Session(detection, 2, 1)
        detection.notify(first)
        detection.notify(second)
        await anyio.sleep(1)
    assert first.levels == pytest.approx([-6.02, -100], abs=0.01)  # amplitude 0.5, and none
    assert second.levels == pytest.approx([0, -6.02], abs=0.01)


async def test_sessions_that_wait_together_are_judged_in_one_call():
    detector = CountingDetector()
    async with running(detector) as detection:
        sessions = [Session(detection, loud, loud) for loud in (1, 0, 1)]
        for session in sessions:
            detection.notify(session)
        await anyio.sleep(1)
    assert [session.judgements for session in sessions] == [[1, 1], [0, 0], [1, 1]]
    assert detector.batches == [3, 3]


async def test_a_crowd_is_judged_in_batches_in_order_of_arrival():
    detector = CountingDetector()
    async with running(detector) as detection:
        sessions = [Session(detection, 1) for _ in range(2 * MAX_BATCH + 3)]
        for session in sessions:
            detection.notify(session)
        await anyio.sleep(1)
    assert detector.batches == [MAX_BATCH, MAX_BATCH, 3]
    assert all(session.judgements == [1] for session in sessions)


async def test_a_session_with_much_to_judge_does_not_hold_up_the_others():
    detector = CountingDetector()
    async with running(detector) as detection:
        busy, quick = Session(detection, *[1] * 1_000), Session(detection, 1)
        detection.notify(busy)
        await anyio.lowlevel.checkpoint()
        detection.notify(quick)
        while not quick.judgements:
            await anyio.lowlevel.checkpoint()
        assert len(busy.judgements) < 10


async def test_a_session_that_has_left_is_not_judged():
    detector = CountingDetector()
    async with running(detector) as detection:
        gone, there = Session(detection, 1), Session(detection, 1)
        detection.notify(gone)
        detection.notify(there)
        detection.forget(gone)
        detection.forget(gone)
        await anyio.sleep(1)
    assert gone.judgements == []
    assert there.judgements == [1]


@pytest.mark.parametrize(
    "failure", [EngineError("it broke", stage="detect"), ValueError("not even an engine error")]
)
async def test_the_sessions_learn_that_the_detector_failed_and_it_is_asked_again(failure):
    detector = CountingDetector(failure)
    async with running(detector) as detection:
        unlucky = Session(detection, 1, 1)
        detection.notify(unlucky)
        await anyio.sleep(1)
        assert unlucky.failure is failure
        detector.failure = None
        lucky = Session(detection, 1)
        detection.notify(lucky)
        await anyio.sleep(1)
    assert lucky.judgements == [1]
    assert lucky.failure is None


@pytest.mark.parametrize("mistake", ["breaks", "breaks_before_judgement"])
async def test_a_mistake_in_one_session_does_not_stop_the_others(mistake):
    detector = CountingDetector()
    async with running(detector) as detection:
        broken, fine = Session(detection, 1, 1), Session(detection, 1, 1)
        setattr(broken, mistake, True)
        detection.notify(broken)
        detection.notify(fine)
        await anyio.sleep(1)
    assert fine.judgements == [1, 1]
    assert isinstance(broken.failure, ZeroDivisionError)
    assert broken.frames, "it is judged no more"


async def test_a_session_whose_audio_has_another_shape_does_not_stop_the_others():
    async with running(CountingDetector()) as detection:
        broken, fine = Session(detection), Session(detection, 1, 1)
        odd = iter([np.zeros((FRAME, 2), np.float32)])
        broken.next_frame = lambda: next(odd, None)  # type: ignore[method-assign]
        detection.notify(broken)
        detection.notify(fine)
        await anyio.sleep(1)
    assert fine.judgements == [1, 1]
    assert isinstance(broken.failure, ValueError)


@pytest.mark.parametrize("mistake", ["breaks", "breaks_before_judgement"])
async def test_a_session_that_cannot_even_be_told_does_not_stop_the_others(mistake, caplog):
    async with running(CountingDetector()) as detection:
        broken, fine = Session(detection, 1, 1), Session(detection, 1, 1)
        setattr(broken, mistake, True)
        broken.breaks_when_told = True
        detection.notify(broken)
        detection.notify(fine)
        await anyio.sleep(1)
    assert fine.judgements == [1, 1]
    assert "could not be told" in caplog.text


async def test_where_the_detector_fails_each_session_is_told_though_one_cannot_be():
    detector = CountingDetector(EngineError("it broke", stage="detect"))
    async with running(detector) as detection:
        broken, fine = Session(detection, 1), Session(detection, 1)
        broken.breaks_when_told = True
        detection.notify(broken)
        detection.notify(fine)
        await anyio.sleep(1)
    assert fine.failure is detector.failure
