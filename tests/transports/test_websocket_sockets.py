"""What only a real socket can do to a session."""

from __future__ import annotations

import contextlib
import socket
import struct

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from antiphon.engines.scripted.script import Gate, Say, Script, Take, WaitFor
from antiphon.transports.websocket import MAX_FRAME_BYTES
from tests.support.client import transcript_of
from tests.support.server import running_server


def counting(gate: Gate) -> Script:
    return Script(answers=(Take((Say("One. "), WaitFor(gate))),))


async def test_a_frame_in_fragments_is_one_event():
    async with running_server() as server, server.socket() as client:
        await client.until("session.created")
        await client.socket.send(['{"type": "response.', 'create"}'])
        assert transcript_of(await client.answer()) == "Hello."


async def test_a_frame_that_is_too_large_ends_the_connection(caplog):
    gate = Gate()
    async with running_server(counting(gate)) as server, server.socket() as client:
        await client.until("session.created")
        await client.write("Count.")
        await client.send("response.create")
        await gate.reached()
        with contextlib.suppress(ConnectionClosed):  # it may be closed before all has left
            await client.send_raw(" " * (MAX_FRAME_BYTES + 1))
        code, _ = await client.closed()
        await server.wait_until_empty()
        assert server.cast.stage.running == 0
    assert code == 1009
    assert not caplog.records


async def test_text_that_is_not_utf_8_ends_the_connection():
    async with running_server() as server, server.socket() as client:
        await client.until("session.created")
        await client.socket.send(b"\xff\xfe", text=True)
        code, _ = await client.closed()
        await server.wait_until_empty()
    assert code == 1007


async def test_a_connection_that_is_reset_in_the_midst_of_an_answer_stops_the_engines(caplog):
    gate = Gate()
    async with running_server(counting(gate)) as server:
        async with server.socket() as client:
            await client.until("session.created")
            await client.write("Count.")
            await client.send("response.create")
            await gate.reached()
            raw = client.socket.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.socket.transport.abort()
        await server.wait_until_empty()
        assert server.cast.stage.running == 0
    assert not caplog.records


async def test_a_client_that_closes_in_the_midst_of_an_answer_gets_its_close_back():
    gate = Gate()
    async with running_server(counting(gate)) as server:
        async with server.socket() as client:
            await client.until("session.created")
            await client.write("Count.")
            await client.send("response.create")
            await gate.reached()
            await client.socket.close(1000, "Enough.")
            assert client.socket.protocol.close_rcvd == Close(1000, "Enough.")
        await server.wait_until_empty()
        assert server.cast.stage.running == 0


@pytest.mark.parametrize("size_bytes", [1, 125])
async def test_pings_are_answered_while_an_answer_is_under_way(size_bytes):
    gate = Gate()
    async with running_server(counting(gate)) as server, server.socket() as client:
        await client.until("session.created")
        await client.write("Count.")
        await client.send("response.create")
        await gate.reached()
        await (await client.socket.ping(b"x" * size_bytes))
        gate.open()
        assert (await client.answer())["status"] == "completed"
