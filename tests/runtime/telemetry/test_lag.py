import asyncio

import pytest

from antiphon.runtime.telemetry.lag import INTERVAL_S, measured_lag


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def test_the_lag_is_measured_four_times_a_second_until_the_end():
    seen: list[float] = []
    with measured_lag(seen.append):
        await asyncio.sleep(1.1)
    assert len(seen) == 4
    await asyncio.sleep(1.0)
    assert len(seen) == 4


async def test_a_loop_that_is_busy_is_late_by_as_long():
    seen: list[float] = []
    loop = asyncio.get_running_loop()
    with measured_lag(seen.append):
        # Before the measurement, whose time has come meanwhile.
        loop.call_later(INTERVAL_S / 2, skip, loop, 0.5)
        await asyncio.sleep(2 * INTERVAL_S)
    assert seen[0] == pytest.approx(0.5 - INTERVAL_S / 2, abs=0.001)


def skip(loop, seconds):
    """Have time pass as if something had kept the loop busy."""
    loop._skipping.skipped_s += seconds
