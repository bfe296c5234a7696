from __future__ import annotations

import gc

import anyio
import pytest

from antiphon.runtime.host import Host
from antiphon.runtime.listen import Ear
from tests.support.memory import open_room
from tests.support.sound import silence, speech


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def test_sessions_have_ids_of_their_own():
    async with open_room() as room:
        sessions = [(await room.enter()).frames[0]["session"]["id"] for _ in range(3)]
        assert room.reception.open_sessions == 3
    assert len(set(sessions)) == 3


async def test_sessions_that_are_over_are_forgotten():
    async with open_room() as room:
        client = await room.enter()
        await client.append(speech(700) + silence(800))
        await client.answer()
        client.leave()
        await client.over.wait()
        await anyio.sleep(1)
        gc.collect()
        assert not [one for one in gc.get_objects() if isinstance(one, Host | Ear)]


async def test_a_reception_that_closes_leaves_no_task_behind():
    before = anyio.get_running_tasks()
    async with open_room() as room:
        await room.enter()
    assert anyio.get_running_tasks() == before
