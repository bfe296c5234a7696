from __future__ import annotations

import anyio
import pytest

from antiphon.core.signals import (
    AudioGenerated,
    Failure,
    GenerationFailed,
    Signal,
    TextGenerated,
)
from antiphon.runtime.held import HELD_BYTES, HeldSignals


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


HELLO = TextGenerated("resp_1", "Hello", 1)
THERE = TextGenerated("resp_1", " there.", 1)
MUCH = AudioGenerated("resp_1", bytes(HELD_BYTES), 11_000.0)


async def always_room() -> None:
    """A client that keeps up."""


def test_nothing_gets_through_until_it_is_released() -> None:
    delivered: list[Signal] = []
    held = HeldSignals(delivered.append, always_room)
    held.feed(HELLO)
    assert delivered == []
    held.release()
    assert delivered == [HELLO]


def test_what_was_held_goes_before_what_comes() -> None:
    delivered: list[Signal] = []
    held = HeldSignals(delivered.append, always_room)
    held.feed(HELLO)
    held.release()
    held.feed(THERE)
    assert delivered == [HELLO, THERE]


def test_a_failure_is_known_before_the_release() -> None:
    held = HeldSignals(lambda _: None, always_room)
    assert not held.failed
    held.feed(GenerationFailed("resp_1", Failure("generate", "broken", "It broke.")))
    assert held.failed


async def test_an_answer_waits_when_enough_of_it_is_held() -> None:
    held = HeldSignals(lambda _: None, always_room)
    held.feed(MUCH)
    with anyio.move_on_after(60) as waited:
        await held.room()
    assert waited.cancelled_caught


async def test_it_goes_on_when_it_is_released() -> None:
    held = HeldSignals(lambda _: None, always_room)
    held.feed(MUCH)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(held.room)
        await anyio.lowlevel.checkpoint()
        held.release()


async def test_once_released_the_client_sets_the_pace() -> None:
    keeps_up = anyio.Event()
    held = HeldSignals(lambda _: None, keeps_up.wait)
    await held.room()  # held, so nobody waits for the client
    held.release()
    with anyio.move_on_after(60) as waited:
        await held.room()
    assert waited.cancelled_caught
    keeps_up.set()
    await held.room()
