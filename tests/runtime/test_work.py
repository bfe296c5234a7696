from __future__ import annotations

from dataclasses import dataclass, field

import anyio
import pytest

from antiphon.runtime.spare import Spare
from antiphon.runtime.work import Work


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


@dataclass
class Engine:
    """Takes a second for everything, and notes how often it began and finished."""

    begun: int = 0
    finished: int = 0
    cancelled: int = 0
    at: list[float] = field(default_factory=list)

    async def compute(self) -> None:
        self.begun += 1
        try:
            await anyio.sleep(1)
        except anyio.get_cancelled_exc_class():
            self.cancelled += 1
            raise
        self.finished += 1
        self.at.append(anyio.current_time())


async def test_work_that_is_needed_is_done_however_busy_the_machine_is() -> None:
    engine, spare = Engine(), Spare(seats=1)
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            Work(engine.compute, spare=spare, tasks=tasks, needed=True).begin()
    assert engine.finished == 3
    assert engine.begun == 3


async def test_a_guess_is_begun_while_there_is_room() -> None:
    engine = Engine()
    async with anyio.create_task_group() as tasks:
        Work(engine.compute, spare=Spare(seats=1), tasks=tasks, needed=False).begin()
    assert engine.finished == 1


async def test_a_guess_that_found_no_room_is_done_once_it_is_needed() -> None:
    engine, spare = Engine(), Spare(seats=1)
    with spare.seat(anyio.CancelScope(), needed=True):
        async with anyio.create_task_group() as tasks:
            work = Work(engine.compute, spare=spare, tasks=tasks, needed=False)
            work.begin()
            await anyio.sleep(2)
            assert engine.begun == 0
            work.need()
    assert engine.finished == 1


async def test_a_guess_that_is_needed_goes_on() -> None:
    engine, spare = Engine(), Spare(seats=1)
    async with anyio.create_task_group() as tasks:
        work = Work(engine.compute, spare=spare, tasks=tasks, needed=False)
        work.begin()
        await anyio.sleep(0.5)
        work.need()
        with spare.seat(anyio.CancelScope(), needed=True):
            await anyio.sleep(1)
    assert engine.begun == engine.finished == 1


async def test_a_guess_that_gave_way_is_done_again_once_it_is_needed() -> None:
    engine, spare = Engine(), Spare(seats=1)
    async with anyio.create_task_group() as tasks:
        work = Work(engine.compute, spare=spare, tasks=tasks, needed=False)
        work.begin()
        await anyio.sleep(0.5)
        with spare.seat(anyio.CancelScope(), needed=True):
            await anyio.sleep(2)
        assert engine.cancelled == 1
        work.need()
    assert engine.finished == 1


async def test_a_guess_may_be_needed_at_the_very_moment_at_which_it_gives_way() -> None:
    engine, spare = Engine(), Spare(seats=1)
    async with anyio.create_task_group() as tasks:
        work = Work(engine.compute, spare=spare, tasks=tasks, needed=False)
        work.begin()
        await anyio.sleep(0.5)
        with spare.seat(anyio.CancelScope(), needed=True):
            work.need()
            await anyio.sleep(2)
    assert engine.cancelled == 1
    assert engine.finished == 1


async def test_a_finished_guess_is_not_done_again() -> None:
    engine = Engine()
    async with anyio.create_task_group() as tasks:
        work = Work(engine.compute, spare=Spare(seats=1), tasks=tasks, needed=False)
        work.begin()
        await anyio.sleep(2)
        work.need()
    assert engine.begun == 1


@pytest.mark.parametrize("needed", [True, False])
async def test_work_that_is_stopped_ends_at_once_and_frees_its_seat(*, needed: bool) -> None:
    engine, spare = Engine(), Spare(seats=1)
    async with anyio.create_task_group() as tasks:
        work = Work(engine.compute, spare=spare, tasks=tasks, needed=needed)
        work.begin()
        await anyio.sleep(0.5)
        work.stop()
    assert engine.cancelled == 1
    assert engine.finished == 0
    assert spare.has_room


async def test_work_that_was_stopped_before_it_ran_never_runs() -> None:
    engine = Engine()
    async with anyio.create_task_group() as tasks:
        work = Work(engine.compute, spare=Spare(seats=1), tasks=tasks, needed=True)
        work.begin()
        work.stop()
    assert engine.finished == 0
