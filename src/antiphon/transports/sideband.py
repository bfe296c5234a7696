"""A WebSocket attached to a live call: another one that sees its events, and may send any."""

from __future__ import annotations

import logging

import anyio

from antiphon.runtime.calls import Call
from antiphon.transports.connection import Connection
from antiphon.transports.dialects import DIALECTS
from antiphon.transports.websocket import converse

__all__ = ["serve"]

_log = logging.getLogger(__name__)


async def serve(connection: Connection, *, call: Call) -> None:
    """Accept a connection and attach it to a call until either side closes.

    As recorded of the hosted service, nothing is sent at first: the session was created long ago.

    Args:
        connection: A client's.
        call: The call; must have room.
    """
    async with connection.closing_on_mistakes(), anyio.create_task_group() as tasks:
        listener = call.attach(tasks)
        try:
            await connection.accept()
            _log.info("%s: attached from %s", call.id, connection.client)
            await converse(listener, DIALECTS["ga"], connection, tasks)
        except OSError as error:
            _log.info("%s: gone before it was attached: %r", call.id, error)
        finally:
            listener.close()
