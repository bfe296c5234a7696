from __future__ import annotations

import anyio
import pytest

from antiphon.engines.scripted.script import Gate, Say, Script, Take, Wait, WaitFor
from antiphon.errors import BusyError
from antiphon.runtime.drain import drain
from antiphon.runtime.hosts import CLOSE_TIMEOUT_S, SERVER_ENDS
from tests.support.memory import MemoryClient, Room, open_room
from tests.support.returning import ReturningClient
from tests.support.sound import speech

DRAIN_S = 30.0
A_BIT_S = 0.5


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


def begin_to_drain(room: Room) -> anyio.Event:
    """Have a server end; return what is set when all is over."""
    over = anyio.Event()

    async def run() -> None:
        await drain(room.reception, DRAIN_S)
        over.set()

    room.tasks.start_soon(run)
    return over


async def ask(client: MemoryClient) -> None:
    await client.write("Go on.")
    await client.send("response.create")
    await client.until("response.created")


def thinking_for(seconds: float) -> Script:
    """A script whose answers take so long."""
    return Script(answers=(Take((Wait(round(seconds * 1000)), Say("There."))),))


async def test_a_server_without_sessions_ends_at_once():
    async with open_room() as room:
        began = anyio.current_time()
        await drain(room.reception, DRAIN_S)
        assert anyio.current_time() == began


async def test_nobody_is_admitted_any_more_and_told_when_to_come_again():
    async with open_room() as room:
        await room.enter()
        begin_to_drain(room)
        await anyio.sleep(A_BIT_S)
        assert not room.reception.readiness.ready
        with pytest.raises(BusyError) as refusal:
            room.reception.admission.check_room()
        with pytest.raises(BusyError), room.reception.admission.visit(None):
            pass
    assert refusal.value.code == "server_draining"
    assert refusal.value.retry_after_s > 0


async def test_sessions_go_on_and_the_server_ends_with_the_last():
    async with open_room(speculation="off") as room:
        client = await room.enter()
        over = begin_to_drain(room)
        await anyio.sleep(DRAIN_S / 4)
        response = await client.ask("Still there?")
        assert response["status"] == "completed"
        client.leave()
        await anyio.sleep(A_BIT_S)
        assert over.is_set()


async def test_a_quiet_session_is_closed_after_half_the_time():
    async with open_room() as room:
        client = await room.enter()
        over = begin_to_drain(room)
        await anyio.sleep(DRAIN_S / 2 - A_BIT_S)
        assert client.closed is None
        await anyio.sleep(2 * A_BIT_S)
        assert client.closed == SERVER_ENDS
        await anyio.sleep(A_BIT_S)
        assert over.is_set()


async def test_a_response_is_waited_for():
    async with open_room(thinking_for(DRAIN_S * 0.7)) as room:
        client = await room.enter()
        await ask(client)
        begin_to_drain(room)
        response = await client.answer()
        await client.over.wait()
    assert response["status"] == "completed"
    assert client.closed == SERVER_ENDS


async def test_somebody_who_speaks_is_not_interrupted():
    async with open_room() as room:
        client = await room.enter()
        await client.append(speech(1_000))
        await client.until("input_audio_buffer.speech_started")
        begin_to_drain(room)
        await anyio.sleep(DRAIN_S * 0.8)
        assert client.closed is None


async def test_what_goes_on_for_too_long_is_ended_and_so_is_its_work():
    gate = Gate()
    async with open_room(Script(answers=(Take((WaitFor(gate),)),))) as room:
        client = await room.enter()
        await ask(client)
        await gate.reached()
        over = begin_to_drain(room)
        await anyio.sleep(DRAIN_S - A_BIT_S)
        assert client.closed is None
        await anyio.sleep(2 * A_BIT_S)
        assert client.closed == SERVER_ENDS
        assert room.cast.stage.running == 0
        await anyio.sleep(A_BIT_S)
        assert over.is_set()


async def test_a_client_that_does_not_read_does_not_keep_the_server():
    async with open_room() as room:
        client = await room.enter()
        client.stop_reading()
        over = begin_to_drain(room)
        await anyio.sleep(DRAIN_S + CLOSE_TIMEOUT_S + A_BIT_S)
        assert over.is_set()


async def test_who_was_just_being_admitted_at_the_end_is_told_as_well():
    async with open_room() as room:
        with room.reception.admission.place(None):  # has upgraded, and no session yet
            begin_to_drain(room)
            await anyio.sleep(DRAIN_S + A_BIT_S)
            client = await room.enter()
            await anyio.sleep(A_BIT_S)
            assert client.closed == SERVER_ENDS


@pytest.mark.parametrize("event", ["input_audio_buffer.clear", "input_audio_buffer.commit"])
async def test_a_turn_that_its_client_has_ended_is_not_waited_for(event):
    async with open_room() as room:
        client = await room.enter()
        await client.append(speech(1_000))
        await client.until("input_audio_buffer.speech_started")
        await client.send(event)
        begin_to_drain(room)
        await anyio.sleep(DRAIN_S / 2 + A_BIT_S)
        assert client.closed == SERVER_ENDS


async def test_nor_is_one_that_ended_with_detection():
    async with open_room() as room:
        client = await room.enter()
        await client.append(speech(1_000))
        await client.until("input_audio_buffer.speech_started")
        audio = {"input": {"turn_detection": None}}
        await client.send("session.update", session={"type": "realtime", "audio": audio})
        begin_to_drain(room)
        await anyio.sleep(DRAIN_S / 2 + A_BIT_S)
        assert client.closed == SERVER_ENDS


async def test_a_client_that_lost_its_connection_may_come_back_meanwhile():
    async with open_room() as room:
        client = ReturningClient(room)
        await client.connect()
        client.cut()
        begin_to_drain(room)
        await anyio.sleep(A_BIT_S)
        await client.come_back()
        assert client.resumed
        await client.connection.over.wait()
        assert client.connection.closed == SERVER_ENDS
