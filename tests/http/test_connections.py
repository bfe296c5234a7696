from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import anyio
import pytest
from anyio.abc import SocketStream

from antiphon.http.connections import MAX_HEAD_BYTES, Lobby
from tests.support.client import PATIENCE_S
from tests.support.server import Served, running_server

REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def connected(server: Served) -> SocketStream:
    """A connection that has said nothing."""
    parts = urlsplit(server.url)
    assert parts.hostname
    assert parts.port
    return await anyio.connect_tcp(parts.hostname, parts.port)


async def everything(stream: SocketStream) -> bytes:
    """Return what comes until the connection is closed."""
    received = b""
    with anyio.fail_after(PATIENCE_S):
        try:
            while True:
                received += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return received


async def asked(server: Served, request: bytes = REQUEST) -> bytes:
    async with await connected(server) as stream:
        await stream.send(request)
        return await everything(stream)


async def test_connections_that_say_nothing_take_up_no_more_room_than_there_is():
    async with running_server(max_connections=3) as server:
        silent = [await connected(server) for _ in range(3)]
        refused = await _until_refused(server)
        assert refused.startswith(b"HTTP/1.1 503 ")
        head, _, body = refused.partition(b"\r\n\r\n")
        assert b"retry-after: 5" in head.lower()
        assert json.loads(body)["error"]["code"] == "server_busy"
        await silent.pop().aclose()
        assert (await _until_answered(server)).startswith(b"HTTP/1.1 200 ")
        for stream in silent:
            await stream.aclose()


async def test_one_too_many_that_says_nothing_either_is_cut_off():
    async with running_server(max_connections=1) as server, await connected(server):
        await _until_refused(server)
        async with await connected(server) as beyond:
            assert await everything(beyond) == b""


async def test_sessions_are_none_of_them():
    async with (
        running_server(max_connections=1) as server,
        server.socket() as one,
        server.socket() as another,
    ):
        for client in (one, another):
            await client.until("session.created")
        assert (await _until_answered(server)).startswith(b"HTTP/1.1 200 ")


async def test_a_head_that_does_not_end_is_not_read_forever():
    async with running_server() as server:
        endless = b"GET /health HTTP/1.1\r\nX-Long: " + b"a" * (MAX_HEAD_BYTES + 1)
        assert (await asked(server, endless)).startswith(b"HTTP/1.1 4")


async def test_a_head_that_comes_at_once_may_be_no_longer():
    async with running_server() as server:
        long = REQUEST.replace(
            b"Connection", b"X-Long: " + b"a" * MAX_HEAD_BYTES + b"\r\nConnection"
        )
        answer = await asked(server, long)
    assert answer.startswith(b"HTTP/1.1 431")
    assert b"headers_too_large" in answer


async def test_a_request_hides_no_other_one_from_a_proxy():
    both = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    async with running_server() as server:
        hiding = b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: localhost\r\n" + both
        answer = await asked(server, hiding + REQUEST)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"ambiguous_length" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_lobby_is_full_once_it_holds_what_it_may(count):
    lobby = Lobby(count)
    guests = [object() for _ in range(count)]
    for guest in guests:
        assert not lobby.full
        lobby.enter(guest)
    assert lobby.full
    lobby.leave(object())
    assert len(lobby) == count
    lobby.leave(guests[0])
    assert not lobby.full


async def test_a_thousand_connections_that_are_opened_and_abandoned_leave_the_server_as_it_was():
    async with running_server(max_connections=32) as server, server.sdk() as client:
        parts = urlsplit(server.url)
        with ExitStack() as abandoned:
            for _ in range(1000):
                one = abandoned.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex((parts.hostname, parts.port))
                await anyio.lowlevel.checkpoint()
            assert (await client.ask("Are you still there?"))["status"] == "completed"
        assert (await _until_answered(server)).startswith(b"HTTP/1.1 200 ")


async def _until_refused(server: Served) -> bytes:
    """Ask until the server has noticed the connections that are there."""
    with anyio.fail_after(PATIENCE_S):
        while b" 503 " not in (answer := await asked(server)):
            pass
    return answer


async def _until_answered(server: Served) -> bytes:
    """Ask until the server has noticed that connections have gone."""
    with anyio.fail_after(PATIENCE_S):
        while b" 200 " not in (answer := await asked(server)):
            pass
    return answer
