from __future__ import annotations

import asyncio

import anyio
import pytest

from antiphon.http.waiting import Gate, Inbox


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


# --- a gate ---------------------------------------------------------------------------------------


async def test_a_gate_is_open_at_first_and_passed_without_a_pause():
    gate = Gate()
    gate.set()
    passing = gate.wait()
    with pytest.raises(StopIteration):
        passing.send(None)


async def test_all_who_wait_pass_once_it_opens():
    gate = Gate()
    gate.clear()
    gate.clear()
    passed_s: list[float] = []

    async def pass_through() -> None:
        await gate.wait()
        passed_s.append(anyio.current_time())

    opens_s = anyio.current_time() + 1
    asyncio.get_running_loop().call_at(opens_s, gate.set)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pass_through)
        tasks.start_soon(pass_through)
    assert passed_s == pytest.approx([opens_s, opens_s])


async def test_a_gate_can_be_closed_again():
    gate = Gate()
    gate.clear()
    gate.set()
    gate.clear()
    with anyio.move_on_after(100) as waiting:
        await gate.wait()
    assert waiting.cancelled_caught


# --- an inbox -------------------------------------------------------------------------------------


async def test_messages_are_taken_in_the_order_in_which_they_came():
    inbox = Inbox[str]()
    assert inbox.empty()
    for message in ("one", "two", "three"):
        inbox.put_nowait(message)
    assert not inbox.empty()
    assert [await inbox.get() for _ in range(3)] == ["one", "two", "three"]
    assert inbox.empty()


async def test_the_reader_waits_for_a_message():
    inbox = Inbox[str]()
    loop = asyncio.get_running_loop()
    comes_s = loop.time() + 1
    loop.call_at(comes_s, inbox.put_nowait, "late")
    loop.call_at(comes_s, inbox.put_nowait, "later")
    assert await inbox.get() == "late"
    assert loop.time() == pytest.approx(comes_s)
    assert await inbox.get() == "later"


async def test_a_reader_that_gives_up_takes_nothing_with_it():
    inbox = Inbox[str]()
    reading = asyncio.create_task(inbox.get())
    await asyncio.sleep(1)
    reading.cancel()
    inbox.put_nowait("at the last moment")
    await asyncio.wait([reading])
    assert reading.cancelled()
    assert await inbox.get() == "at the last moment"
