from __future__ import annotations

import anyio
import pytest

from antiphon.runtime.outbox import Outbox, OutboxOverflow


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


async def test_the_reader_waits_for_a_frame():
    outbox = small()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(put_later, outbox, b"late")
        assert await outbox.get() == b"late"
        assert anyio.current_time() >= 1


async def put_later(outbox: Outbox, frame: bytes) -> None:
    await anyio.sleep(1)
    outbox.put(frame)


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


async def test_closing_wakes_the_reader_and_those_who_wait_for_room():
    outbox = small()
    reader = small()
    outbox.put(b"x" * 15)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outbox.room)
        tasks.start_soon(reader.get)
        await anyio.sleep(1)
        outbox.close()
        reader.close()


async def test_what_waits_can_be_thrown_away():
    outbox = small()
    outbox.put(b"x" * 15)
    outbox.discard()
    outbox.put(b"next")
    assert outbox.held_bytes == 4
    assert await outbox.get() == b"next"
