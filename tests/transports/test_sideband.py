from __future__ import annotations

import anyio
import pytest
from starlette.types import Message

from antiphon.transports import sideband
from antiphon.transports.connection import Connection
from tests.support.calls import CallClient, Phone, phone_in
from tests.support.client import PATIENCE_S, types
from tests.support.memory import GoneClient, MemoryClient, open_room


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def attach(phone: Phone, caller: CallClient, client: MemoryClient) -> None:
    await sideband.serve(
        Connection({"type": "websocket"}, client.asgi_receive, client.asgi_send),
        call=phone.find(caller),
    )
    client.over.set()


async def test_nothing_is_sent_at_first_then_what_happens_then_the_end():
    async with open_room() as room, phone_in(room) as phone:
        caller, client = await phone.call(), MemoryClient()
        room.tasks.start_soon(attach, phone, caller, client)
        await client.accepted.wait()
        await anyio.sleep(1)
        assert client.waiting_frames == 0
        await caller.write("Hello?")
        phone.find(caller).hang_up("for the test")
        await client.over.wait()
        await client.take_what_came()
    assert types(client.frames) == ["conversation.item.added", "conversation.item.done"]
    assert client.closed == (1000, "The call has ended.")


async def test_who_leaves_is_sent_nothing_more():
    async with open_room() as room, phone_in(room) as phone:
        caller, client = await phone.call(), MemoryClient()
        room.tasks.start_soon(attach, phone, caller, client)
        await client.accepted.wait()
        client.leave()
        await client.over.wait()
        assert (await caller.ask("Still there?"))["status"] == "completed"
        assert client.waiting_frames == 0


async def test_who_stops_reading_is_let_go_after_the_end():
    async with open_room() as room, phone_in(room) as phone:
        caller, client = await phone.call(), MemoryClient()
        room.tasks.start_soon(attach, phone, caller, client)
        await client.accepted.wait()
        client.stop_reading()
        await caller.write("Hello?")
        phone.find(caller).hang_up("for the test")
        with anyio.fail_after(PATIENCE_S):
            await client.over.wait()


async def test_who_goes_before_it_is_attached_disturbs_nobody():
    async with open_room() as room, phone_in(room) as phone:
        caller = await phone.call()
        await attach(phone, caller, GoneClient())
        assert (await caller.ask("Still there?"))["status"] == "completed"


class Unspeakable(MemoryClient):
    """A connection to which nothing can be sent, for a reason that nobody has thought of."""

    async def asgi_send(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            raise ZeroDivisionError
        await super().asgi_send(message)


async def test_a_mistake_of_the_server_ends_the_connection_and_not_the_call(caplog):
    async with open_room() as room, phone_in(room) as phone:
        caller, client = await phone.call(), Unspeakable()
        room.tasks.start_soon(attach, phone, caller, client)
        await client.accepted.wait()
        assert (await caller.ask("Still there?"))["status"] == "completed"
        await client.over.wait()
    assert client.closed == (1011, "The server made a mistake.")
    assert "ZeroDivisionError" in caplog.text
