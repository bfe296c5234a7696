from __future__ import annotations

import anyio
import pytest

from antiphon.runtime.upstream.lasting import Lasting


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


class Ends:
    """What became of a session."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def lasting(self, lifetime_s: float, idle_s: float | None) -> Lasting:
        return Lasting(lifetime_s, idle_s, expire=self.told.append, end=self.told.append)


async def test_a_session_expires_whatever_happens_in_it():
    ends = Ends()
    lasting = ends.lasting(300, None)
    for _ in range(29):
        await anyio.sleep(10)
        lasting.touch()
    assert ends.told == []
    await anyio.sleep(11)
    assert ends.told == ["Your session hit the maximum duration of 5 minutes."]


async def test_a_session_in_which_nothing_happens_ends_before():
    ends = Ends()
    lasting = ends.lasting(3600, 60)
    for _ in range(5):
        await anyio.sleep(50)
        lasting.touch()
    await anyio.sleep(59)
    assert ends.told == []
    await anyio.sleep(2)
    assert ends.told == ["Nothing has happened in the session for 60 seconds."]
    lasting.close()


async def test_a_session_that_is_over_ends_no_second_time():
    ends = Ends()
    ends.lasting(10, 5).close()
    await anyio.sleep(60)
    assert ends.told == []
