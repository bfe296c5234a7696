"""A session over WebSockets, one after the other: it outlives a connection that breaks."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from functools import partial

import anyio
from starlette.types import Message, Receive, Scope, Send

from antiphon.runtime.hosts import SERVER_FAILED
from antiphon.runtime.openings import Opening
from antiphon.runtime.reception import Reception
from antiphon.runtime.resumption import Line, ResumableSession
from antiphon.transports.dialects import DIALECTS
from antiphon.transports.websocket import converse

__all__ = ["serve", "serve_again"]

_log = logging.getLogger(__name__)

_DELIBERATE = frozenset({1000, 1005})
"""Codes with which a client closes that is not coming back; 1005 stands for none, as browsers send
it unless they are given one. Pages that are left close with 1001, and may be loaded again."""


async def serve(
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    reception: Reception,
    opening: Opening,
    subprotocol: str | None,
) -> None:
    """Accept a connection and begin a session on it that outlives it.

    Args:
        scope: ASGI connection scope, of type ``websocket``.
        receive: ASGI receive.
        send: ASGI send.
        reception: Admits the session; must not be full.
        opening: What the client connects for.
        subprotocol: The WebSocket subprotocol to select, if the client offered it.
    """
    with contextlib.ExitStack() as place:
        # Before the first pause, in which another client might take it.
        place.enter_context(reception.admission.place(opening.key_name))
        await _accept(receive, send, subprotocol)  # who has gone meanwhile needs no session
        async with _telling_of_mistakes(send):
            session = await reception.resumptions.begin(opening)
            place.close()  # it has its own
            with anyio.CancelScope() as connection:
                await _converse(scope, receive, send, session, session.connect(connection))


async def serve_again(
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    session: ResumableSession,
    token: str,
    last_event_id: str,
    subprotocol: str | None,
) -> None:
    """Accept a connection and go on with a session on it.

    Args:
        scope: ASGI connection scope, of type ``websocket``.
        receive: ASGI receive; nothing has been received from it.
        send: ASGI send.
        session: The session.
        token: With which the client may resume it.
        last_event_id: The last event that the client has got.
        subprotocol: The WebSocket subprotocol to select, if the client offered it.

    Raises:
        RequestError: As :meth:`ResumableSession.resume` does; nothing has been sent.
    """
    with anyio.CancelScope() as connection:
        line = session.resume(token, last_event_id, connection)
        try:
            await _accept(receive, send, subprotocol)
            async with _telling_of_mistakes(send):
                await _converse(scope, receive, send, session, line)
        finally:
            line.close()


async def _accept(receive: Receive, send: Send, subprotocol: str | None) -> None:
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": subprotocol})


async def _converse(
    scope: Scope, receive: Receive, send: Send, session: ResumableSession, line: Line
) -> None:
    client = scope["client"][0] if scope.get("client") else "an unknown address"
    _log.info("%s: connected from %s", line.session_id, client)
    dialect = DIALECTS[session.opening.dialect]
    async with anyio.create_task_group() as tasks:
        await converse(line, dialect, partial(_receive, receive, line), send, tasks)


@contextlib.asynccontextmanager
async def _telling_of_mistakes(send: Send) -> AsyncIterator[None]:
    """Close the connection if the server makes a mistake."""
    try:
        yield
    except* Exception:
        _log.exception("A connection was ended by a mistake of Antiphon")
        with contextlib.suppress(OSError):
            code, reason = SERVER_FAILED
            await send({"type": "websocket.close", "code": code, "reason": reason})


async def _receive(receive: Receive, line: Line) -> Message:
    """Receive, and have the session end with a client that closes the connection in order."""
    message = await receive()
    # A connection that is lost is a disconnect as well, with code 1005, but without a reason.
    if "reason" in message and message["code"] in _DELIBERATE:
        line.leave()
    return message
