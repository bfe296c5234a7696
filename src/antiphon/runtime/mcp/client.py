"""One connection to an MCP server, over HTTP, by the official client.

Importing this takes half a second of processor time, which a session without MCP need not spend:
:mod:`antiphon.runtime.mcp.connections` imports it when the first server is connected to.

The official client tells HTTP errors as errors of the protocol, and a lost connection ends it with
everything that goes on in it. So what goes wrong below it is caught in the transport, and passed up
as an answer that can be told apart: who has asked learns of it, and nobody else.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from functools import cache, partial
from ssl import SSLContext
from typing import Any, TypeVar

import anyio
import httpx2
import msgspec
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, INTERNAL_ERROR, CallToolResult, ContentBlock
from pydantic import ValidationError

from antiphon.core.mcp.policy import McpServer
from antiphon.runtime.mcp.events import bounded_events
from antiphon.runtime.mcp.failure import McpFailure
from antiphon.runtime.mcp.network import ReachTransport
from antiphon.runtime.reach import AddressNotAllowedError, Reach
from antiphon.wire.items import (
    McpError,
    McpHttpError,
    McpListedTool,
    McpProtocolError,
    McpToolExecutionError,
)

__all__ = ["McpClient", "connect"]

_log = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Longest answer that is read, and longest event of a stream: a list of a hundred tools with long
schemas takes a tenth of it."""

MAX_PAGES = 100
"""Pages of a list of tools; a server that gives more probably gives them for ever."""

HTTP_FAILED = -32099
"""JSON-RPC code, of those that implementations may use, for what goes wrong below the protocol."""

_FORBIDDEN = 403
_BAD_GATEWAY = 502
_GATEWAY_TIMEOUT = 504
_NOT_ALLOWED = (
    "The MCP server's address is not on the public internet, and this server may not connect to "
    "it. Its operator can let it, with 'allow_private_addresses'."
)
_NOT_STREAMABLE = (400, 404, 405)
"""What servers answer that know only the older transport, by the MCP specification 2025-06-18,
Transports, Backwards Compatibility."""

T = TypeVar("T")


class McpClient:
    """A connection that is open."""

    def __init__(self, client: Client, broken: anyio.Event, transport: _Transport) -> None:
        self._client = client
        self._broken = broken
        self._transport = transport

    async def list_tools(self) -> tuple[McpListedTool, ...]:
        """Return all tools of the server.

        Raises:
            McpFailure: It has not named them.
        """
        tools: list[McpListedTool] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self._ask(partial(self._client.list_tools, cursor=cursor))
            tools += [
                McpListedTool(
                    name=tool.name,
                    input_schema=tool.input_schema,
                    # A string even if there is none: the agents SDK for JavaScript insists on it.
                    description=tool.description or "",
                    annotations=tool.annotations.model_dump(by_alias=True, exclude_none=True)
                    if tool.annotations
                    else None,
                )
                for tool in page.tools
            ]
            cursor = page.next_cursor
            if cursor is None:
                return tuple(tools)
        message = f"The MCP server's list of tools has more than {MAX_PAGES} pages."
        raise McpFailure(McpProtocolError(code=INTERNAL_ERROR, message=message))

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Call a tool and return its output as text.

        Raises:
            McpFailure: There is no output.
        """
        result = await self._ask(partial(self._client.call_tool, name, arguments))
        text = _text_of(result)
        if result.is_error:
            raise McpFailure(McpToolExecutionError(message=text or "The tool failed."))
        return text

    async def _ask(self, request: Callable[[], Awaitable[T]]) -> T:
        answers: list[T] = []

        async def give_up(scope: anyio.CancelScope) -> None:
            await self._broken.wait()
            scope.cancel()

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(give_up, tasks.cancel_scope)
                try:
                    answers.append(await request())
                except Exception as error:
                    raise McpFailure(_error_of(error)) from None
                finally:
                    tasks.cancel_scope.cancel()
        except* McpFailure as group:
            raise _first(group) from None
        if not answers:
            raise McpFailure(self._transport.failure or _closed())
        return answers[0]


@asynccontextmanager
async def connect(server: McpServer, reach: Reach) -> AsyncIterator[McpClient]:
    """Connect to a server: by streamable HTTP, or by server-sent events if it knows no better.

    Args:
        server: As the client names it.
        reach: Which addresses may be connected to at a client's word.

    Raises:
        McpFailure: There is no connection, or no agreement on the protocol.
    """
    url = httpx2.URL(server.url)
    if url.path.rstrip("/").endswith("/sse"):
        async with _connected(server, reach, by_events=True) as client:
            yield client
        return
    try:
        async with _connected(server, reach, by_events=False) as client:
            yield client
            return
    except _NotStreamableError as error:
        refusal = error.failure
    try:
        async with _connected(server, reach, by_events=True) as client:
            yield client
    except McpFailure:
        raise refusal from None


class _NotStreamableError(Exception):
    def __init__(self, failure: McpFailure) -> None:
        super().__init__(failure)
        self.failure = failure


@asynccontextmanager
async def _connected(
    server: McpServer, reach: Reach, *, by_events: bool
) -> AsyncIterator[McpClient]:
    broken = anyio.Event()
    url = httpx2.URL(server.url)
    transport = _Transport(reach, broken if by_events else None)
    http = httpx2.AsyncClient(
        transport=transport,
        # Uncompressed: a small answer would become a large one before it could be measured.
        headers=[*server.headers, ("Accept-Encoding", "identity")],
        auth=(url.username, url.password) if url.userinfo else None,
        timeout=None,  # whoever waits knows how long
    )
    plain = str(url.copy_with(userinfo=b""))  # the client logs it
    wire = (
        sse_client(plain, httpx_client_factory=lambda *_, **__: http)
        if by_events
        else streamable_http_client(plain, http_client=http)
    )
    client = Client(wire, cache=None)
    # The older transport closes the client that it is given, the other one does not.
    async with nullcontext() if by_events else http:
        try:
            await client.__aenter__()
        except Exception as error:
            failure = McpFailure(_error_of(error, transport.failure))
            status = failure.error.code if isinstance(failure.error, McpHttpError) else None
            if not by_events and status in _NOT_STREAMABLE:
                raise _NotStreamableError(failure) from None
            raise failure from None
        async with _entered(client):
            yield McpClient(client, broken, transport)


@asynccontextmanager
async def _entered(client: Client) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await client.__aexit__(None, None, None)


class _Transport(httpx2.AsyncBaseTransport):
    """HTTP as the MCP client is to see it: everything that fails is an answer.

    Args:
        reach: Which addresses it may connect to.
        broken: Set when a message could not be delivered whose answer comes on another request, so
            that nobody waits for it.

    Attributes:
        failure: What failed last.
    """

    def __init__(self, reach: Reach, broken: anyio.Event | None) -> None:
        self.failure: McpHttpError | None = None
        self._broken = broken
        self._inner = ReachTransport(reach, _tls())

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; an answer that is no stream is read to its end."""
        try:
            response = await self._inner.handle_async_request(request)
            if wrong := _unacceptable(request, response):
                await response.aclose()
                return self._failed(_BAD_GATEWAY, wrong, request)
            if not response.is_error and _content_type(response) == "text/event-stream":
                return bounded_events(response, MAX_BODY_BYTES)
            whole = await _read(response)
        except AddressNotAllowedError as error:
            _log.warning(
                "an MCP server was not connected to: %r leads to no address of the public "
                "internet; 'allow_private_addresses' says which others may be connected to",
                error.host,
            )
            return self._failed(_FORBIDDEN, _NOT_ALLOWED, request)
        except httpx2.TimeoutException:
            return self._failed(_GATEWAY_TIMEOUT, "The MCP server did not answer in time.", request)
        except httpx2.TransportError:
            message = "The MCP server could not be reached, or broke the connection off."
            return self._failed(_BAD_GATEWAY, message, request)
        if whole is None:
            message = f"The MCP server's answer is longer than {MAX_BODY_BYTES} bytes."
            return self._failed(_BAD_GATEWAY, message, request)
        if whole.is_error and not _is_protocol_error(whole.content):
            message = f"The MCP server answered with HTTP status {whole.status_code}."
            return self._failed(whole.status_code, message, request)
        return whole

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()

    def _failed(self, status: int, message: str, request: httpx2.Request) -> httpx2.Response:
        self.failure = McpHttpError(code=status, message=message)
        if self._broken is not None and request.method == "POST":
            self._broken.set()
        error = {"code": HTTP_FAILED, "message": message, "data": {"status": status}}
        return httpx2.Response(status, json={"jsonrpc": "2.0", "id": None, "error": error})


def _unacceptable(request: httpx2.Request, response: httpx2.Response) -> str | None:
    """Return why a response is read no further, if it is not.

    Other redirects than within a server would take the client's secrets along.
    """
    if response.has_redirect_location and _leads_away(request.url, response.headers["location"]):
        return "The MCP server redirects to another address. Name that one."
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        return "The MCP server's answer is compressed, which it was not asked for."
    return None


def _leads_away(url: httpx2.URL, location: str) -> bool:
    try:
        return url.join(location).origin != url.origin
    except httpx2.InvalidURL:
        return True


async def _read(response: httpx2.Response) -> httpx2.Response | None:
    """Return a response with its body, ``None`` if that is too long."""
    body = bytearray()
    try:
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MAX_BODY_BYTES:
                return None
    finally:
        await response.aclose()
    about_encoding = ("content-encoding", "content-length", "transfer-encoding")
    headers = [pair for pair in response.headers.items() if pair[0] not in about_encoding]
    return httpx2.Response(response.status_code, headers=headers, content=bytes(body))


def _content_type(response: httpx2.Response) -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _is_protocol_error(body: bytes) -> bool:
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return False
    return isinstance(told, dict) and "jsonrpc" in told and "error" in told


@cache
def _tls() -> SSLContext:
    return httpx2.create_ssl_context()


def _error_of(error: Exception, failure: McpHttpError | None = None) -> McpError:
    """Return what a client may be told of a failure; never an address, which may hold secrets."""
    if isinstance(error, MCPError):
        if error.code == HTTP_FAILED and isinstance(error.data, dict) and "status" in error.data:
            return McpHttpError(code=error.data["status"], message=error.message)
        if error.code == CONNECTION_CLOSED:
            return _closed()
        return McpProtocolError(code=error.code, message=error.message)
    if isinstance(error, anyio.ClosedResourceError | anyio.BrokenResourceError | anyio.EndOfStream):
        return failure or _closed()
    if isinstance(error, ValidationError | RuntimeError):
        message = "The MCP server's answer does not follow the protocol."
        return McpProtocolError(code=INTERNAL_ERROR, message=message)
    return failure or _closed()


def _closed() -> McpHttpError:
    return McpHttpError(code=_BAD_GATEWAY, message="The MCP server broke the connection off.")


def _first(group: BaseExceptionGroup[McpFailure]) -> McpFailure:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _text_of(result: CallToolResult) -> str:
    if not result.content and result.structured_content is not None:
        return json.dumps(result.structured_content)
    return "\n".join(_text_in(block) for block in result.content)


def _text_in(block: ContentBlock) -> str:
    match block.type:
        case "text":
            return block.text
        case "resource" if hasattr(block.resource, "text"):
            return str(block.resource.text)
        case "resource_link":
            return str(block.uri)
        case _:  # what a language model cannot read is at least mentioned
            return f"({block.type})"
