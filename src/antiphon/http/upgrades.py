"""Refuses to upgrade a connection to a WebSocket, in the words of any other refusal."""

from __future__ import annotations

import anyio

from antiphon.errors import RequestError
from antiphon.http.errors import answer_to
from antiphon.transports.connection import Connection

__all__ = ["refuse_upgrade"]

_CLOSE_TIMEOUT_S = 1.0


async def refuse_upgrade(connection: Connection, error: RequestError) -> None:
    """Answer an upgrade with an HTTP error, with the status that its code has.

    Args:
        connection: Of the client; nothing has been received from it.
        error: Why; :class:`~antiphon.errors.BusyError` says when the client may come again.
    """
    await connection.receive()  # websocket.connect
    await answer_to(error)(connection.scope, connection.receive, connection.send)
    with anyio.move_on_after(_CLOSE_TIMEOUT_S):
        # uvicorn tells of the end twice: when it has the answer, and when the connection is gone.
        # It takes an application that returns before for one that forgot to answer.
        await connection.receive()
        await connection.receive()
