"""Lists and calls the tools of MCP servers, over one connection for each server of a session.

A connection is opened when it is needed and kept for what follows. One that has failed is given
up, and the next call opens another.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from antiphon.core.effects import CallMcpTool, ListMcpTools
from antiphon.core.mcp.policy import McpServer
from antiphon.core.signals import (
    McpCallFinished,
    McpListingFailed,
    McpToolsListed,
    Signal,
)
from antiphon.runtime.mcp.failure import McpFailure
from antiphon.runtime.reach import Reach
from antiphon.wire.items import McpError, McpHttpError

if TYPE_CHECKING:
    from antiphon.runtime.mcp.client import McpClient

__all__ = ["TIMEOUTS", "McpConnections", "McpTimeouts"]

_log = logging.getLogger(__name__)

_BAD_GATEWAY = 502
_GATEWAY_TIMEOUT = 504

T = TypeVar("T")


class McpTimeouts(NamedTuple):
    """How long is waited for an MCP server.

    Attributes:
        connect_s: For a connection and an agreement on the protocol.
        list_s: For its list of tools.
        call_s: For a tool's output.
    """

    connect_s: float
    list_s: float
    call_s: float


TIMEOUTS = McpTimeouts(connect_s=15.0, list_s=15.0, call_s=60.0)
"""A server that sleeps until it is called may take some ten seconds to wake up. Tools are for
conversations: whoever asked aloud has gone away after a minute, and most MCP clients wait no
longer."""


class McpConnections:
    """The MCP servers that one session is connected to.

    Args:
        session_id: Names the session in the log.
        feed: Takes what comes of the work.
        tasks: Runs it; all connections end with it.
        reach: Which addresses may be connected to.
        timeouts: How long to wait.
    """

    def __init__(
        self,
        session_id: str,
        *,
        feed: Callable[[Signal], None],
        tasks: TaskGroup,
        reach: Reach,
        timeouts: McpTimeouts = TIMEOUTS,
    ) -> None:
        self._session_id = session_id
        self._feed = feed
        self._tasks = tasks
        self._reach = reach
        self._timeouts = timeouts
        self._open: dict[McpServer, _Connection] = {}

    def list_tools(self, effect: ListMcpTools) -> None:
        """Ask a server for its tools; a signal will tell them."""
        self._tasks.start_soon(self._list, effect)

    def call(self, effect: CallMcpTool) -> None:
        """Call a tool; a signal will tell what came of it."""
        self._tasks.start_soon(self._call, effect)

    def forget(self, server: McpServer) -> None:
        """Close the connection to a server as soon as nobody uses it."""
        connection = self._open.pop(server, None)
        if connection is not None:
            connection.retire()

    async def _list(self, effect: ListMcpTools) -> None:
        try:
            tools = await self._use(
                effect.server, lambda client: client.list_tools(), self._timeouts.list_s
            )
        except McpFailure as failure:
            _log.warning(
                "%s: MCP server %r does not list its tools: %s",
                self._session_id,
                effect.server.label,
                failure,
            )
            self._feed(McpListingFailed(effect.item_id))
        else:
            self._feed(McpToolsListed(effect.item_id, tools))

    async def _call(self, effect: CallMcpTool) -> None:
        result: str | McpError
        try:
            result = await self._use(
                effect.server,
                lambda client: client.call(effect.name, effect.arguments),
                self._timeouts.call_s,
            )
        except McpFailure as failure:
            result = failure.error
        self._feed(McpCallFinished(effect.item_id, result))

    async def _use(
        self, server: McpServer, do: Callable[[McpClient], Awaitable[T]], timeout_s: float
    ) -> T:
        """Do something with a connection.

        Raises:
            McpFailure: It cannot be done.
        """
        connection = self._connection_to(server)
        with connection.used():
            try:
                client = await _within(self._timeouts.connect_s, connection.client)
                return await _within(timeout_s, lambda: do(client))
            except McpFailure as failure:
                if isinstance(failure.error, McpHttpError) and (
                    self._open.get(server) is connection
                ):
                    self.forget(server)
                raise

    def _connection_to(self, server: McpServer) -> _Connection:
        connection = self._open.get(server)
        if connection is None or connection.over:
            connection = self._open[server] = _Connection(server, self._reach)
            self._tasks.start_soon(connection.run)
        return connection


class _Connection:
    """A connection that is kept by a task of its own.

    Attributes:
        over: Whether it has been closed, or has failed.
    """

    def __init__(self, server: McpServer, reach: Reach) -> None:
        self.over = False
        self._server = server
        self._reach = reach
        self._client: McpClient | None = None
        self._failure: McpFailure | None = None
        self._opened = anyio.Event()
        self._scope = anyio.CancelScope()
        self._closing = anyio.Event()
        self._users = 0
        self._is_retired = False

    async def run(self) -> None:
        """Open it, and keep it open until it is retired and nobody uses it."""
        try:
            # On a thread: the first import takes half a second, in which others want to speak.
            client_module = await to_thread.run_sync(import_module, "antiphon.runtime.mcp.client")
            with self._scope:
                async with client_module.connect(self._server, self._reach) as self._client:
                    self._opened.set()
                    await self._closing.wait()
        except McpFailure as failure:
            self._failure = failure
        except Exception as error:  # a server's misbehaviour must not end the session
            _log.info(
                "MCP server %r: connection lost: %s", self._server.label, type(error).__name__
            )
        finally:
            self.over = True
            self._opened.set()

    async def client(self) -> McpClient:
        """Wait until it is open.

        Raises:
            McpFailure: It cannot be opened.
        """
        await self._opened.wait()
        if self._failure is not None:
            raise self._failure
        if self._client is None or self.over:
            message = "The MCP server broke the connection off."
            raise McpFailure(McpHttpError(code=_BAD_GATEWAY, message=message))
        return self._client

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keep it open as long as the context is, retired or not."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._close_if_idle()

    def retire(self) -> None:
        """Close it when nobody uses it any more."""
        self._is_retired = True
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if not self._is_retired or self._users:
            return
        self._closing.set()
        if self._client is None:
            self._scope.cancel()  # it is still being opened, and nobody waits for it


async def _within(timeout_s: float, work: Callable[[], Awaitable[T]]) -> T:
    with anyio.move_on_after(timeout_s):
        return await work()
    message = f"The MCP server did not answer within {timeout_s:g} seconds."
    raise McpFailure(McpHttpError(code=_GATEWAY_TIMEOUT, message=message))
