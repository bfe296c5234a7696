"""An MCP server made with the official package, with a tool for everything that can happen.

``/mcp`` speaks streamable HTTP, ``/sse`` the older transport over server-sent events. ``/locked``
is the former and needs ``Authorization: Bearer opensesame``; ``/broken`` answers 500.
"""

import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import ToolAnnotations
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

SECRET = "opensesame"

server = MCPServer("box", log_level="CRITICAL")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool()
def erase(path: str) -> str:
    """Erase a file."""
    return f"{path} is gone"


@server.tool()
def stumble() -> str:
    """Fail."""
    message = "the disk is full"
    raise ToolError(message)


@server.tool()
def misuse() -> str:
    """Break off with an error of the protocol."""
    raise MCPError(-32050, "no such thing")


@server.tool()
async def wait() -> str:
    """Never end."""
    await anyio.sleep_forever()
    return ""


@server.tool()
def headers(ctx: Context) -> str:
    """Tell what the request came with."""
    came = ctx.headers or {}
    return f"{came.get('authorization')} {came.get('x-team')}"


# --- serving --------------------------------------------------------------------------------------

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

streamable = server.streamable_http_app()
sse = server.sse_app()


async def broken(_request: object) -> PlainTextResponse:
    return PlainTextResponse("out of order", status_code=500)


async def locked(scope: Any, receive: Any, send: Any) -> None:
    came_with = dict(scope["headers"]).get(b"authorization", b"").decode()
    opened = came_with == f"Bearer {SECRET}"
    answer: Asgi = streamable if opened else PlainTextResponse("locked", status_code=401)
    await answer({**scope, "path": "/mcp", "root_path": ""}, receive, send)


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    async with streamable.router.lifespan_context(streamable):
        yield


app = Starlette(
    routes=[
        Route("/broken", broken, methods=["GET", "POST"]),
        Mount("/locked", locked),
        *streamable.routes,
        *sse.routes,
    ],
    lifespan=lifespan,
)

if __name__ == "__main__":
    listener = socket.socket(fileno=int(sys.argv[1]))
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=0)
    uvicorn.Server(config).run(sockets=[listener])
