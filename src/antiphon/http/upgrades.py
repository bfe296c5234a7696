"""Refuses to upgrade a connection to a WebSocket, in the words of any other refusal."""

from __future__ import annotations

import anyio
from starlette.types import Receive, Scope, Send

from antiphon.errors import RequestError
from antiphon.http.errors import answer_to

__all__ = ["refuse_upgrade"]

_CLOSE_TIMEOUT_S = 1.0


async def refuse_upgrade(scope: Scope, receive: Receive, send: Send, error: RequestError) -> None:
    """Answer an upgrade with an HTTP error, with the status that its code has.

    Args:
        scope: ASGI connection scope, of type ``websocket``.
        receive: ASGI receive; nothing has been received from it.
        send: ASGI send.
        error: Why; :class:`~antiphon.errors.BusyError` says when the client may come again.
    """
    await receive()  # websocket.connect
    await answer_to(error)(scope, receive, send)
    with anyio.move_on_after(_CLOSE_TIMEOUT_S):
        # uvicorn tells of the end twice: when it has the answer, and when the connection is gone.
        # It takes an application that returns before for one that forgot to answer.
        await receive()
        await receive()
