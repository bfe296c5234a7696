"""MCP servers at addresses that are nobody's business, and MCP servers that do harm."""

from __future__ import annotations

import asyncio
import gzip
import socket
from contextlib import ExitStack

import anyio
import pytest

from antiphon.core.mcp.policy import McpServer
from antiphon.core.signals import McpListingFailed
from antiphon.runtime.mcp import network
from antiphon.runtime.mcp.client import MAX_BODY_BYTES
from antiphon.runtime.mcp.connections import TIMEOUTS
from antiphon.runtime.reach import Reach
from antiphon.wire.items import McpHttpError, McpProtocolError
from tests.runtime.mcp.test_connections import bench
from tests.support.mcp_server import THIS_MACHINE
from tests.support.strange_http import Answer, answering, strange_server

NOTHING = answering(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
A_MEGABYTE = b"x" * (1 << 20)
BEYOND = (MAX_BODY_BYTES >> 20) + 2


def names(**hosts: list[str]) -> Reach:
    """A resolver that gives each name its addresses, one after the other; the last one stays."""

    async def resolve(host: str, _port: int) -> list[str]:
        addresses = hosts[host.partition(".")[0]]
        return [addresses.pop(0) if len(addresses) > 1 else addresses[0]]

    return Reach(["127.0.0.1"], resolve)


async def failure(url: str, reach: Reach, connect_s: float = 15.0) -> McpHttpError:
    """Call a tool that cannot be called, and return why."""
    async with bench(TIMEOUTS._replace(connect_s=connect_s), reach) as session:
        error = await session.call(McpServer("box", url, ()), "add", a=1, b=1)
        assert isinstance(error, McpHttpError)
        return error


# --- where they are -------------------------------------------------------------------------------


async def test_a_server_of_this_machine_is_not_even_connected_to(caplog):
    async with strange_server(NOTHING) as strange, bench(reach=Reach()) as session:
        server = McpServer("box", strange.url(), ())
        assert await session.tools(server) == McpListingFailed("list")
        error = await session.call(server, "add", a=1, b=1)
        assert isinstance(error, McpHttpError)
        assert error.code == 403
        assert "allow_private_addresses" in error.message
        assert strange.connections == 0
    assert "'127.0.0.1' leads to no address of the public internet" in caplog.text


async def test_a_client_is_not_told_where_a_name_leads():
    async with strange_server(NOTHING, "127.0.0.2") as strange:
        error = await failure(strange.url("intranet.example"), names(intranet=["127.0.0.2"]))
        assert strange.connections == 0
    assert error.code == 403
    assert "127." not in error.message


async def test_a_name_is_connected_to_where_it_led_when_it_was_checked():
    reach = names(tools=["127.0.0.1"])
    async with strange_server(NOTHING) as strange:
        await failure(strange.url("tools.example"), reach)
        assert strange.heads
        assert f"\r\nHost: tools.example:{strange.port}\r\n" in strange.heads[0]


async def test_a_name_that_leads_inside_later_is_not_followed_there():
    async with strange_server(NOTHING) as outside:
        # The client asks more than once, over another connection each time.
        inside = await asyncio.start_server(outside.connect, "127.0.0.2", outside.port)
        async with inside, bench(reach=names(tools=["127.0.0.1", "127.0.0.2"])) as session:
            server = McpServer("box", outside.url("tools.example"), ())
            error = await session.call(server, "add", a=1, b=1)
            assert isinstance(error, McpHttpError)
            assert error.code == 403
    assert outside.connections == 1


async def test_an_address_that_does_not_answer_leaves_time_for_the_next(monkeypatch):
    monkeypatch.setattr(network, "NEXT_ADDRESS_S", 0.1)

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async with strange_server(NOTHING) as strange:
        with ExitStack() as silent:  # one that accepts nobody, and whose queue is full
            deaf = silent.enter_context(socket.socket())
            deaf.bind(("127.0.0.2", strange.port))
            deaf.listen(0)
            for _ in range(3):
                waiting = silent.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(deaf.getsockname())
            await failure(strange.url("tools.example"), Reach(["127.0.0.0/8"], resolve))
        assert strange.connections


async def test_secrets_are_not_taken_along_to_another_server():
    async with strange_server(NOTHING) as elsewhere:
        away = f"HTTP/1.1 307 Away\r\nLocation: {elsewhere.url()}\r\nContent-Length: 0\r\n\r\n"
        async with strange_server(answering(away.encode())) as strange:
            error = await failure(strange.url(), Reach(THIS_MACHINE))
    assert elsewhere.connections == 0
    assert error.message == "The MCP server redirects to another address. Name that one."


async def test_a_server_of_events_cannot_have_requests_sent_elsewhere():
    async with strange_server(NOTHING) as elsewhere:

        async def events(_head: str, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            writer.write(f"event: endpoint\ndata: {elsewhere.url()}\n\n".encode())
            await writer.drain()

        async with strange_server(events) as strange:
            await failure(strange.url(path="/sse"), Reach(THIS_MACHINE), connect_s=0.5)
    assert elsewhere.connections == 0


async def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    async with strange_server(NOTHING) as proxy, strange_server(NOTHING) as strange:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(path=""))
            monkeypatch.setenv(name.lower(), proxy.url(path=""))
        await failure(strange.url(), Reach(THIS_MACHINE))
        assert strange.connections
        assert not proxy.connections


# --- what they answer -----------------------------------------------------------------------------

JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
EVENTS_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
BOMB = gzip.compress(A_MEGABYTE * 64)
NESTED = b'{"jsonrpc": "2.0", "id": 0, "result": ' + b"[" * 100_000

ANSWERS: dict[str, Answer] = {
    "without end": answering(JSON_HEAD + b"\r\n", A_MEGABYTE, again=BEYOND),
    "an event without end": answering(EVENTS_HEAD + b"data: ", A_MEGABYTE, again=BEYOND),
    "a bomb": answering(JSON_HEAD + b"Content-Encoding: gzip\r\n\r\n" + BOMB),
    "nested without end": answering(JSON_HEAD + b"\r\n" + NESTED),
    "a page": answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Hello"),
    "no HTTP": answering(b"220 smtp.example ESMTP\r\n"),
    "nothing": answering(b""),
    "a head without end": answering(b"HTTP/1.1 200 OK\r\n", b"X-Pad: x\r\n" * 1000, again=100),
    "a redirect to nowhere": answering(b"HTTP/1.1 307 Away\r\nLocation: http://[\r\n\r\n"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_that_is_none_fails_the_call_and_nothing_else(answer):
    async with strange_server(answer) as strange:
        timeouts = TIMEOUTS._replace(connect_s=5.0)
        async with bench(timeouts, Reach(THIS_MACHINE)) as session:
            with anyio.fail_after(10):
                server = McpServer("box", strange.url(), ())
                error = await session.call(server, "add", a=1, b=1)
    assert isinstance(error, McpHttpError | McpProtocolError)
    assert str(strange.port) not in error.message  # nor anything else of its address


async def test_a_server_that_says_nothing_is_given_up():
    async def silence(_head: str, _writer: asyncio.StreamWriter) -> None:
        await anyio.sleep_forever()

    async with strange_server(silence) as strange:
        timeouts = TIMEOUTS._replace(connect_s=0.1)
        async with bench(timeouts, Reach(THIS_MACHINE)) as session:
            error = await session.call(McpServer("box", strange.url(), ()), "add", a=1, b=1)
    assert isinstance(error, McpHttpError)
    assert error.code == 504


async def test_an_answer_is_asked_for_uncompressed():
    async with strange_server(NOTHING) as strange:
        await failure(strange.url(), Reach(THIS_MACHINE))
    assert "accept-encoding: identity\r\n" in strange.heads[0].lower()
    assert strange.heads[0].lower().count("accept-encoding") == 1
