"""The MCP client of a session against a real server, over both transports."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import ObjectReceiveStream

from antiphon.core.effects import CallMcpTool, ListMcpTools
from antiphon.core.mcp.policy import McpServer
from antiphon.core.signals import McpCallFinished, McpListingFailed, McpToolsListed, Signal
from antiphon.runtime.mcp.connections import TIMEOUTS, McpConnections, McpTimeouts
from antiphon.runtime.reach import Reach
from antiphon.wire.items import McpHttpError, McpProtocolError, McpToolExecutionError
from antiphon.wire.tools import McpTool
from tests.support.mcp_server import THIS_MACHINE, McpProcess, mcp_process

PATIENCE_S = 30.0
BOTH = pytest.mark.parametrize("path", ["/mcp", "/sse"])


@pytest.fixture(scope="module")
def box() -> Iterator[McpProcess]:
    with mcp_process() as process:
        yield process


class Bench:
    """The connections of a session, and what it is told."""

    def __init__(self, connections: McpConnections, told: ObjectReceiveStream[Signal]) -> None:
        self.connections = connections
        self._told = told

    async def next(self) -> Signal:
        with anyio.fail_after(PATIENCE_S):
            return await self._told.receive()

    async def tools(self, server: McpServer) -> Signal:
        self.connections.list_tools(ListMcpTools("list", server))
        return await self.next()

    async def call(self, server: McpServer, name: str, **arguments: object) -> object:
        self.connections.call(CallMcpTool("call", server, name, arguments))
        signal = await self.next()
        assert isinstance(signal, McpCallFinished)
        assert signal.item_id == "call"
        return signal.result


@asynccontextmanager
async def bench(
    timeouts: McpTimeouts = TIMEOUTS, reach: Reach | None = None
) -> AsyncIterator[Bench]:
    sender, receiver = anyio.create_memory_object_stream[Signal](10)
    with sender, receiver:
        async with anyio.create_task_group() as tasks:
            feed = sender.send_nowait
            connections = McpConnections(
                "sess_1",
                feed=feed,
                tasks=tasks,
                reach=reach or Reach(THIS_MACHINE),
                timeouts=timeouts,
            )
            yield Bench(connections, receiver)
            tasks.cancel_scope.cancel()


def server(box: McpProcess, path: str = "/mcp", authorization: str = "") -> McpServer:
    named = McpTool(server_label="box", server_url=box.url + path, authorization=authorization)
    return McpServer.of(named)


@BOTH
async def test_tools_are_listed_and_called(box, path):
    async with bench() as session:
        listed = await session.tools(server(box, path))
        assert isinstance(listed, McpToolsListed)
        (add,) = [tool for tool in listed.tools if tool.name == "add"]
        assert add.description == "Add two numbers."
        assert add.annotations == {"readOnlyHint": True}
        assert set(add.input_schema["properties"]) == {"a", "b"}
        assert await session.call(server(box, path), "add", a=2, b=3) == "5"


@BOTH
async def test_what_a_tool_fails_with_is_its_own_error(box, path):
    async with bench() as session:
        error = await session.call(server(box, path), "stumble")
        assert isinstance(error, McpToolExecutionError)
        assert "the disk is full" in error.message


@BOTH
async def test_an_error_of_the_protocol_keeps_its_code(box, path):
    async with bench() as session:
        error = await session.call(server(box, path), "misuse")
        assert error == McpProtocolError(code=-32050, message="no such thing")


@BOTH
async def test_headers_and_authorization_reach_the_server(box, path):
    named = McpTool(
        server_label="box",
        server_url=box.url + path,
        authorization="opensesame",
        headers={"X-Team": "red"},
    )
    async with bench() as session:
        came = await session.call(McpServer.of(named), "headers")
        assert came == "Bearer opensesame red"


async def test_user_and_password_of_the_url_reach_the_server(box):
    with_password = box.url.replace("http://", "http://ann:secret@") + "/mcp"
    named = McpTool(server_label="box", server_url=with_password)
    async with bench() as session:
        assert await session.call(McpServer.of(named), "headers") == "Basic YW5uOnNlY3JldA== None"


async def test_the_right_authorization_opens_what_another_does_not(box):
    async with bench() as session:
        locked = await session.call(server(box, "/locked", authorization="x"), "add", a=1, b=1)
        assert isinstance(locked, McpHttpError)
        assert locked.code == 401
        right = server(box, "/locked", authorization="opensesame")
        assert await session.call(right, "add", a=1, b=1) == "2"


async def test_an_http_error_is_told_with_its_status(box):
    async with bench() as session:
        error = await session.call(server(box, "/broken"), "add", a=1, b=1)
        assert isinstance(error, McpHttpError)
        assert error.code == 500


async def test_a_server_that_is_not_there_lists_nothing():
    nobody = McpServer("box", "http://127.0.0.1:9/mcp", ())
    async with bench() as session:
        assert await session.tools(nobody) == McpListingFailed("list")
        error = await session.call(nobody, "add", a=1, b=1)
        assert isinstance(error, McpHttpError)
        assert error.code == 502


@BOTH
async def test_a_call_that_takes_too_long_is_given_up_and_the_next_one_made(box, path):
    async with bench(TIMEOUTS._replace(call_s=0.5)) as session:
        await session.tools(server(box, path))
        error = await session.call(server(box, path), "wait")
        assert isinstance(error, McpHttpError)
        assert error.code == 504
        assert await session.call(server(box, path), "add", a=1, b=1) == "2"


async def test_a_slow_call_does_not_hold_up_another(box):
    async with bench() as session:
        await session.tools(server(box))
        session.connections.call(CallMcpTool("slow", server(box), "wait", {}))
        assert await session.call(server(box), "add", a=1, b=1) == "2"


@BOTH
async def test_a_server_that_dies_fails_its_calls_and_no_other_server(box, path):
    async with bench() as session:
        with mcp_process() as mortal:
            await session.tools(server(mortal, path))
            session.connections.call(CallMcpTool("wait", server(mortal, path), "wait", {}))
            await session.call(server(mortal, path), "add", a=1, b=1)
            mortal.kill()
            signal = await session.next()
            assert isinstance(signal, McpCallFinished)
            assert isinstance(signal.result, McpHttpError)
            assert signal.result.code == 502
        assert await session.call(server(box, path), "add", a=1, b=1) == "2"


async def test_a_forgotten_server_is_left_once_its_call_has_ended(box):
    async with bench() as session:
        session.connections.call(CallMcpTool("call", server(box), "add", {"a": 1, "b": 1}))
        session.connections.forget(server(box))
        assert await session.next() == McpCallFinished("call", "2")


async def test_nothing_in_the_log_tells_a_secret(caplog):
    caplog.set_level("DEBUG")
    named = McpTool(
        server_label="box",
        server_url="http://ann:pass-word@127.0.0.1:9/mcp",
        authorization="to-ken",
        headers={"X-Key": "hea-der"},
    )
    async with bench() as session:
        await session.tools(McpServer.of(named))
    assert "box" in caplog.text
    for secret in ("pass-word", "to-ken", "hea-der"):
        assert secret not in caplog.text
