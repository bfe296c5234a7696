"""One timer for all calls, on a clock that the test moves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from antiphon.transports.webrtc.pacer import MAX_BEHIND_MS, Pacer
from antiphon.transports.webrtc.peer import FRAME_MS


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def passing(ms: float) -> None:
    await asyncio.sleep(ms / 1000)


class Ticks:
    """When it was told to go on, in milliseconds since it was made."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start_s = self._loop.time()
        self.at_ms: list[int] = []

    def __call__(self) -> None:
        self.at_ms.append(round((self._loop.time() - self._start_s) * 1000))


async def test_every_member_ticks_once_for_every_20_ms():
    pacer, first, second = Pacer(), Ticks(), Ticks()
    pacer.join(first)
    pacer.join(second)
    await passing(101)
    assert first.at_ms == second.at_ms == [20, 40, 60, 80, 100]


async def test_who_has_left_ticks_no_more():
    pacer, ticks = Pacer(), Ticks()
    leave = pacer.join(ticks)
    await passing(45)
    leave()
    leave()
    await passing(100)
    assert ticks.at_ms == [20, 40]


async def test_a_member_may_leave_others_within_a_tick():
    pacer, ticks = Pacer(), Ticks()
    leaving: list[Callable[[], None]] = []

    def first() -> None:
        leaving[0]()

    pacer.join(first)
    leaving.append(pacer.join(ticks))
    await passing(100)
    assert ticks.at_ms == []


async def test_the_timer_begins_anew_after_everybody_has_left():
    pacer, ticks = Pacer(), Ticks()
    pacer.join(lambda: None)()
    await passing(50)
    pacer.join(ticks)
    await passing(41)
    assert ticks.at_ms == [70, 90]


async def test_a_member_that_raises_takes_no_other_along(caplog):
    pacer, ticks = Pacer(), Ticks()

    def broken() -> None:
        ticks.at_ms.append(-1)
        raise RuntimeError

    pacer.join(broken)
    pacer.join(ticks)
    await passing(61)
    assert ticks.at_ms == [-1, 20, 40, 60]
    assert "by a mistake of Antiphon" in caplog.text


async def late(pacer: Pacer, ticks: Ticks, ms: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have everything stand still for a while, as by a long computation."""
    loop = asyncio.get_running_loop()
    real_s = loop.time
    monkeypatch.setattr(loop, "time", lambda: real_s() + ms / 1000)
    ticks.at_ms.clear()


async def test_late_ticks_are_made_up_for_at_twice_the_pace(monkeypatch):
    pacer, ticks = Pacer(), Ticks()
    pacer.join(ticks)
    await passing(21)
    await late(pacer, ticks, 3 * FRAME_MS, monkeypatch)
    await passing(100)
    gaps = [after - before for before, after in zip(ticks.at_ms, ticks.at_ms[1:], strict=False)]
    assert min(gaps) >= FRAME_MS / 2  # no burst
    assert len(ticks.at_ms) == 8  # in the 160 ms that have passed
    assert pacer.worst_lag_ms >= 40


async def test_time_that_is_long_over_is_not_made_up_for(monkeypatch):
    pacer, ticks = Pacer(), Ticks()
    pacer.join(ticks)
    await passing(21)
    await late(pacer, ticks, 20 * MAX_BEHIND_MS, monkeypatch)
    await passing(100)
    assert len(ticks.at_ms) <= 7


async def test_pacing_many_calls_takes_next_to_no_time():
    pacer = Pacer()
    for _ in range(1000):
        pacer.join(lambda: None)
    started_s = time.process_time()
    await passing(1000)
    assert time.process_time() - started_s < 0.5
