"""A WebSocket attached to a live call: another one that sees its events, and may send any."""

from __future__ import annotations

import logging

import anyio
from starlette.types import Receive, Scope, Send

from antiphon.runtime.calls import Call
from antiphon.transports.dialects import DIALECTS
from antiphon.transports.websocket import converse

__all__ = ["serve"]

_log = logging.getLogger(__name__)


async def serve(
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    call: Call,
    subprotocol: str | None,
) -> None:
    """Accept a connection and attach it to a call until either side closes.

    As recorded of the hosted service, nothing is sent at first: the session was created long ago.

    Args:
        scope: ASGI connection scope, of type ``websocket``.
        receive: ASGI receive.
        send: ASGI send.
        call: The call; must have room.
        subprotocol: The WebSocket subprotocol to select, if the client offered it.
    """
    async with anyio.create_task_group() as tasks:
        listener = call.attach(tasks)
        try:
            await receive()  # websocket.connect
            await send({"type": "websocket.accept", "subprotocol": subprotocol})
            client = scope["client"][0] if scope.get("client") else "an unknown address"
            _log.info("%s: attached from %s", call.id, client)
            await converse(listener, DIALECTS["ga"], receive, send, tasks)
        except OSError as error:
            _log.info("%s: gone before it was attached: %r", call.id, error)
        finally:
            listener.close()
