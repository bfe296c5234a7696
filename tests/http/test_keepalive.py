from __future__ import annotations

import asyncio
import base64

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from antiphon.http.keepalive import PING_STEP_S, WebSocketProtocol

INTERVAL_S = 20.0


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def no_app(scope, receive, send):
    raise AssertionError


def ping_due_s() -> float:
    config = uvicorn.Config(no_app, ws_ping_interval=INTERVAL_S, log_config=None)
    config.load()
    connection = WebSocketProtocol(config, ServerState(), {})
    connection.schedule_ping()
    assert connection.ping_timer is not None
    due_s = connection.ping_timer.when()
    connection.stop_keepalive()
    return due_s


async def test_connections_that_opened_in_the_same_second_are_pinged_together():
    loop = asyncio.get_running_loop()
    await asyncio.sleep(PING_STEP_S - loop.time() % PING_STEP_S + 0.1)
    opened_s = loop.time()
    first = ping_due_s()
    await asyncio.sleep(0.7)
    assert ping_due_s() == first
    assert INTERVAL_S <= first - opened_s <= INTERVAL_S + PING_STEP_S


async def test_connections_that_opened_later_are_pinged_later():
    first = ping_due_s()
    await asyncio.sleep(3 * PING_STEP_S)
    assert ping_due_s() == pytest.approx(first + 3 * PING_STEP_S)


# --- memory ---------------------------------------------------------------------------------------

HANDSHAKE = (
    b"GET /v1/realtime HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n"
)


class Wire(asyncio.Transport):
    """The connection below the protocol: keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None: ...


async def accept_and_wait(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


async def test_an_open_connection_works_without_what_the_handshake_said():
    scopes: list[Scope] = []

    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        assert dict(scope["headers"])[b"upgrade"] == b"websocket"
        scopes.append(scope)
        await receive()
        await send({"type": "websocket.accept"})
        message: Message = await receive()
        await send({"type": "websocket.send", "text": message["text"]})

    config = uvicorn.Config(echo, ws_ping_interval=INTERVAL_S, log_config=None)
    config.load()
    connection, wire = WebSocketProtocol(config, ServerState(), {}), Wire()
    connection.connection_made(wire)
    connection.data_received(HANDSHAKE)
    await asyncio.sleep(1)
    assert wire.written.startswith(b"HTTP/1.1 101 ")
    assert scopes[0]["headers"] == []
    connection.data_received(Frame(Opcode.TEXT, b"hello").serialize(mask=True))
    await asyncio.sleep(1)
    assert wire.written.endswith(b"\x81\x05hello")
    connection.stop_keepalive()


# --- what clients make of it ----------------------------------------------------------------------


async def test_pings_of_a_client_that_reads_nothing_are_not_answered_one_by_one():
    """The answers would be kept until they are read."""
    config = uvicorn.Config(accept_and_wait, ws_ping_interval=INTERVAL_S, log_config=None)
    config.load()
    connection, wire = WebSocketProtocol(config, ServerState(), {}), Wire()
    connection.connection_made(wire)
    connection.data_received(HANDSHAKE)
    await asyncio.sleep(1)
    connection.pause_writing()
    before = wire.written
    for _ in range(1000):
        connection.data_received(Frame(Opcode.PING, b"now?").serialize(mask=True))
    assert wire.written == before
    connection.resume_writing()
    connection.data_received(Frame(Opcode.PING, b"now!").serialize(mask=True))
    assert wire.written == before + Frame(Opcode.PONG, b"now!").serialize(mask=False)
    connection.stop_keepalive()
