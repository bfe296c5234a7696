"""Clients that send their requests slowly, or not at all."""

from __future__ import annotations

import asyncio
import json

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from antiphon.http.connections import BODY_S, HEAD_S, MIN_BYTES_PER_S, Lobby, http_protocol

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


class Wire(asyncio.Transport):
    """The connection below the protocol: keeps what is written, and how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended: str | None = None
        self._protocol: asyncio.BaseProtocol | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.ended is not None

    def close(self) -> None:
        self._end("closed")

    def abort(self) -> None:
        self._end("aborted")

    def _end(self, how: str) -> None:
        if self.ended is None and isinstance(self._protocol, asyncio.Protocol):
            self.ended = how
            self._protocol.connection_lost(None)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None
        return self._protocol

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def read_and_thank(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)} bytes, thanks")(scope, receive, send)


async def refuse_unread(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("no", status_code=401)(scope, receive, send)


def connected(app=read_and_thank) -> tuple[asyncio.Protocol, Wire]:
    config = uvicorn.Config(app, log_config=None, interface="asgi3")
    config.load()
    lobby = Lobby(10)
    protocol = http_protocol(lobby)(config=config, server_state=ServerState(), app_state={})
    wire = Wire()
    wire.set_protocol(protocol)
    protocol.connection_made(wire)
    return protocol, wire


async def test_who_says_nothing_is_cut_off_without_a_word():
    _, wire = connected()
    await asyncio.sleep(HEAD_S - 0.1)
    assert not wire.is_closing()
    await asyncio.sleep(0.2)
    assert (wire.ended, wire.written) == ("aborted", b"")


async def test_a_head_that_comes_line_by_line_is_refused_in_the_end():
    protocol, wire = connected()
    protocol.data_received(HEAD)
    for _ in range(10):
        await asyncio.sleep(HEAD_S / 10 + 0.01)
        if wire.ended is None:
            protocol.data_received(b"X-Slow: yes\r\n")
    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head.lower()
    assert json.loads(body)["error"]["code"] == "request_timeout"
    assert wire.ended == "closed"


async def test_a_body_that_trickles_is_refused_in_the_end():
    protocol, wire = connected()
    protocol.data_received(UPLOAD)
    begun_s = asyncio.get_running_loop().time()
    while wire.ended is None:
        protocol.data_received(b"x")
        await asyncio.sleep(1)
    took_s = asyncio.get_running_loop().time() - begun_s
    assert wire.written.startswith(b"HTTP/1.1 408 ")
    assert BODY_S <= took_s <= BODY_S + 2


async def test_a_body_that_comes_slowly_but_fast_enough_is_read():
    protocol, wire = connected()
    protocol.data_received(UPLOAD)
    rate = MIN_BYTES_PER_S * 2
    for _ in range(100_000 // rate):
        assert wire.ended is None
        protocol.data_received(b"x" * rate)
        await asyncio.sleep(1)
    assert wire.written.endswith(b"100000 bytes, thanks")


async def test_a_body_that_nobody_wants_is_not_waited_for_either():
    protocol, wire = connected(refuse_unread)
    protocol.data_received(UPLOAD)
    await asyncio.sleep(BODY_S - 1)
    assert wire.written.startswith(b"HTTP/1.1 401 ")
    await asyncio.sleep(2)
    assert wire.ended is not None
    assert wire.written.count(b"HTTP/1.1") == 1


async def test_whoever_reads_the_body_is_told_that_it_has_ended():
    told = []

    async def wait_for_it(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request":
            pass
        told.append(message["type"])

    protocol, wire = connected(wait_for_it)
    protocol.data_received(UPLOAD)
    await asyncio.sleep(BODY_S + 1)
    assert told == ["http.disconnect"]
    assert wire.ended is not None


async def test_the_second_request_of_a_connection_is_not_waited_for_longer_than_the_first():
    protocol, wire = connected()
    protocol.data_received(HEAD + b"\r\n")
    await asyncio.sleep(1)
    assert wire.written.endswith(b"0 bytes, thanks")
    protocol.data_received(HEAD)
    await asyncio.sleep(HEAD_S)
    assert b"HTTP/1.1 408 " in wire.written
    assert wire.ended == "closed"


async def test_an_answer_may_take_as_long_as_it_takes():
    async def think(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(HEAD_S * 10)
        await read_and_thank(scope, receive, send)

    protocol, wire = connected(think)
    protocol.data_received(HEAD + b"\r\n")
    await asyncio.sleep(HEAD_S * 10 + 1)
    assert wire.written.endswith(b"0 bytes, thanks")
