from __future__ import annotations

import gc
from pathlib import Path

import anyio
import pytest

from antiphon.config import Config, Limits
from antiphon.errors import BusyError
from antiphon.runtime.detection import Detection
from antiphon.runtime.host import Host
from antiphon.runtime.listen import Ear
from antiphon.runtime.models import Models
from antiphon.runtime.reception import RETRY_AFTER_S, Reception
from tests.support.cast import make_cast
from tests.support.memory import open_room
from tests.support.sound import silence, speech


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


def reception(**config: object) -> Reception:
    cast = make_cast()
    settings = Config(home=Path("unused"), **config)  # type: ignore[arg-type]
    models = Models(settings, lambda _: cast.engines)
    return Reception(settings, models, Detection(cast.voice_detector))


async def test_places_are_taken_and_given_back():
    desk = reception(max_sessions=2)
    with desk.place():
        assert (desk.open_sessions, desk.full) == (1, False)
        with desk.place():
            assert (desk.open_sessions, desk.full) == (2, True)
    assert (desk.open_sessions, desk.full) == (0, False)


async def test_a_place_is_given_back_whatever_happens():
    desk = reception(max_sessions=1)
    with pytest.raises(ZeroDivisionError), desk.place():
        raise ZeroDivisionError
    assert desk.open_sessions == 0


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


async def test_a_request_takes_up_the_room_of_a_session_while_it_is_served():
    desk = reception(max_sessions=1)
    with desk.request(None):
        assert desk.full
        with pytest.raises(BusyError) as refusal, desk.request(None):
            pass
        assert refusal.value.code == "server_full"
        assert refusal.value.retry_after_s == RETRY_AFTER_S
    assert desk.open_sessions == 0


async def test_requests_count_to_the_account_of_their_key():
    desk = reception(rate_limits=Limits(requests_per_minute=1))
    with desk.request("one"):
        pass
    with pytest.raises(BusyError) as refusal, desk.request("one"):
        pass
    assert refusal.value.code == "rate_limit_exceeded"
    assert 0 < refusal.value.retry_after_s <= 60
    assert desk.open_sessions == 0
    with desk.request("another"):
        assert desk.open_sessions == 1
