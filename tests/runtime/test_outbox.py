from __future__ import annotations

import asyncio
from functools import partial

import anyio
import pytest
from anyio.abc import TaskGroup

from antiphon.runtime.outbox import LINGER_S, Outbox, OutboxOverflow


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


def small() -> Outbox:
    return Outbox(soft_bytes=10, hard_bytes=20)


async def test_frames_leave_in_the_order_in_which_they_came():
    outbox = small()
    for frame in (b"one", b"two", b"three"):
        outbox.put(frame)
    assert [await outbox.get() for _ in range(3)] == [b"one", b"two", b"three"]
    assert outbox.held_bytes == 0


class Writing:
    """Writes what an outbox holds, and counts the tasks that it takes.

    Attributes:
        frames: What has been written.
        begun: How many tasks have begun.
        under_way: How many have not ended.
        ended_closed: How many found the outbox closed when they ended.
    """

    def __init__(self, outbox: Outbox, tasks: TaskGroup) -> None:
        self.frames: list[bytes] = []
        self.begun = 0
        self.under_way = 0
        self.ended_closed = 0
        outbox.write_by(partial(tasks.start_soon, self._write, outbox))

    async def _write(self, outbox: Outbox) -> None:
        self.begun += 1
        self.under_way += 1
        while (frame := await outbox.get()) is not None:
            await asyncio.sleep(0)
            self.frames.append(frame)
        self.under_way -= 1
        self.ended_closed += outbox.closed


async def test_one_writer_sends_what_comes_soon_after_each_other():
    outbox = small()
    outbox.put(b"before anybody writes")
    async with anyio.create_task_group() as tasks:
        writing = Writing(outbox, tasks)
        await anyio.sleep(LINGER_S / 2)
        outbox.put(b"soon")
        outbox.put(b"at once")
        await anyio.sleep(LINGER_S / 2)
        outbox.put(b"in time")
        await anyio.sleep(LINGER_S / 2)
        assert writing.frames == [b"before anybody writes", b"soon", b"at once", b"in time"]
        assert writing.begun == 1


async def test_nobody_waits_while_nothing_comes():
    outbox = small()
    async with anyio.create_task_group() as tasks:
        writing = Writing(outbox, tasks)
        await anyio.sleep(10)
        assert writing.begun == 0
        outbox.put(b"first")
        await anyio.sleep(2 * LINGER_S)
        assert (writing.begun, writing.under_way) == (1, 0)
        outbox.put(b"second")
        await anyio.sleep(2 * LINGER_S)
        assert (writing.begun, writing.under_way) == (2, 0)
        assert writing.frames == [b"first", b"second"]


async def test_a_frame_that_comes_as_the_writer_is_about_to_end_is_sent():
    for late_s in (LINGER_S - 1e-9, LINGER_S, LINGER_S + 1e-9):
        outbox = small()
        async with anyio.create_task_group() as tasks:
            writing = Writing(outbox, tasks)
            outbox.put(b"early")
            asyncio.get_running_loop().call_later(late_s, outbox.put, b"late")
            await anyio.sleep(1)
            assert writing.frames == [b"early", b"late"]


@pytest.mark.parametrize("after_s", [0.0, LINGER_S / 2, 1.0])
async def test_one_writer_learns_that_the_outbox_is_closed(after_s):
    outbox = small()
    async with anyio.create_task_group() as tasks:
        writing = Writing(outbox, tasks)
        outbox.put(b"last")
        await anyio.sleep(after_s)
        outbox.close()
        outbox.close()
        closed_s = anyio.current_time()
    assert anyio.current_time() == pytest.approx(closed_s), "it lingered"
    assert writing.frames == [b"last"]
    assert writing.ended_closed == 1


async def test_producers_wait_past_the_soft_bound_until_it_is_read():
    outbox = small()
    outbox.put(b"x" * 6)
    outbox.put(b"x" * 6)
    with anyio.move_on_after(100) as waiting:
        await outbox.room()
    assert waiting.cancelled_caught
    await outbox.get()
    with anyio.fail_after(1):
        await outbox.room()


async def test_all_who_wait_for_room_go_on_together():
    outbox = small()
    outbox.put(b"x" * 11)
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(outbox.room)
        await anyio.sleep(1)
        await outbox.get()


async def test_control_events_pass_the_soft_bound_but_not_the_hard_one():
    outbox = small()
    outbox.put(b"x" * 15)
    outbox.put(b"x" * 15)
    with pytest.raises(OutboxOverflow, match=r"30 bytes wait to be read by the client; .* 20"):
        outbox.put(b"x")
    assert outbox.held_bytes == 30


async def test_the_first_frame_is_taken_however_large():
    outbox = small()
    outbox.put(b"x" * 1_000)
    assert await outbox.get() == b"x" * 1_000


async def test_a_closed_outbox_gives_what_is_left_and_takes_no_more():
    outbox = small()
    outbox.put(b"last")
    outbox.close()
    outbox.put(b"too late")
    assert await outbox.get() == b"last"
    assert await outbox.get() is None


async def test_closing_wakes_those_who_wait_for_room():
    outbox = small()
    outbox.put(b"x" * 15)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outbox.room)
        await anyio.sleep(1)
        outbox.close()


async def test_what_waits_can_be_thrown_away():
    outbox = small()
    outbox.put(b"x" * 15)
    outbox.discard()
    outbox.put(b"next")
    assert outbox.held_bytes == 4
    assert await outbox.get() == b"next"
