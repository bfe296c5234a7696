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

    async def compute(self, _: Work) -> None:
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


async def test_a_guess_that_found_no_room_is_begun_when_there_is_some() -> None:
    engine, spare = Engine(), Spare(seats=1)
    async with anyio.create_task_group() as tasks:
        Work(engine.compute, spare=spare, tasks=tasks, needed=True).begin()
        await anyio.sleep(0.5)
        for _ in range(2):
            Work(engine.compute, spare=spare, tasks=tasks, needed=False).begin()
        await anyio.sleep(0.25)
        assert engine.begun == 1
    assert engine.at == pytest.approx([1, 2, 3])


async def test_a_guess_that_is_stopped_while_it_waits_for_room_makes_room_for_the_next() -> None:
    engine, spare = Engine(), Spare(seats=1)
    async with anyio.create_task_group() as tasks:
        Work(engine.compute, spare=spare, tasks=tasks, needed=True).begin()
        await anyio.sleep(0.5)
        stopped, wanted = (
            Work(engine.compute, spare=spare, tasks=tasks, needed=False) for _ in range(2)
        )
        stopped.begin()
        wanted.begin()
        stopped.stop()
    assert engine.at == pytest.approx([1, 2])


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


async def test_who_waits_for_work_is_told_when_its_seat_is_free() -> None:
    engine, spare = Engine(), Spare(seats=1)
    room: list[bool] = []
    async with anyio.create_task_group() as tasks:
        work = Work(
            engine.compute,
            spare=spare,
            tasks=tasks,
            needed=False,
            done=lambda: room.append(spare.has_room),
        )
        work.begin()
    assert room == [True]


async def test_nobody_is_told_of_work_that_was_stopped_or_gave_way() -> None:
    engine, spare = Engine(), Spare(seats=1)
    told: list[str] = []
    async with anyio.create_task_group() as tasks:
        stopped = Work(
            engine.compute,
            spare=spare,
            tasks=tasks,
            needed=True,
            done=lambda: told.append("stopped"),
        )
        stopped.begin()
        await anyio.sleep(0.5)
        stopped.stop()
        await anyio.lowlevel.checkpoint()
        gave_way = Work(
            engine.compute,
            spare=spare,
            tasks=tasks,
            needed=False,
            done=lambda: told.append("gave way"),
        )
        gave_way.begin()
        await anyio.sleep(0.5)
        with spare.seat(anyio.CancelScope(), needed=True):
            await anyio.sleep(0.5)
    assert engine.cancelled == 2
    assert told == []


@pytest.mark.parametrize("needed", [True, False])
async def test_work_says_whether_it_is_needed(*, needed: bool) -> None:
    engine = Engine()
    async with anyio.create_task_group() as tasks:
        work = Work(engine.compute, spare=Spare(seats=1), tasks=tasks, needed=needed)
        assert work.needed == needed
        work.need()
        assert work.needed
