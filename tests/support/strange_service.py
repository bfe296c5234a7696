"""Services that speak the Realtime API badly, or not at all, for servers that relay to them."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

__all__ = ["CREATED", "Behaviour", "say", "service"]

_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)  # on DEBUG it shows the headers

Behaviour = Callable[[ServerConnection], Awaitable[None]]

CREATED: dict[str, Any] = {
    "type": "session.created",
    "event_id": "event_1",
    "session": {
        "type": "realtime",
        "object": "realtime.session",
        "id": "sess_strange",
        "model": "strange",
        "output_modalities": ["audio"],
        "audio": {"output": {"voice": "alto", "format": {"type": "audio/pcm", "rate": 24000}}},
        "max_output_tokens": "inf",
    },
}


async def say(connection: ServerConnection, **event: Any) -> None:
    """Send an event."""
    await connection.send(json.dumps({"event_id": "event_0", **event}))


@asynccontextmanager
async def service(
    behave: Behaviour, refuse: Callable[[Request], Response | None] = lambda _: None
) -> AsyncIterator[str]:
    """Run a service, and yield its address, ``http://host:port``.

    Args:
        behave: What it does with a connection.
        refuse: Returns an answer to a request that is not to become a connection.
    """
    done = anyio.Event()

    async def until_done(connection: ServerConnection) -> None:
        """Behave, but not beyond the end of a test that has failed."""
        async with anyio.create_task_group() as tasks:

            async def wait() -> None:
                await done.wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(wait)
            await behave(connection)
            tasks.cancel_scope.cancel()

    def judge(_connection: ServerConnection, request: Request) -> Response | None:
        return refuse(request)

    async with serve(
        until_done, "127.0.0.1", 0, process_request=judge, max_size=None, logger=_log
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            done.set()
