"""A session over WebSockets, one after the other: it outlives a connection that breaks."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from functools import partial

import anyio
from starlette.types import Message, Receive

from antiphon.runtime.openings import Opening
from antiphon.runtime.reception import Reception
from antiphon.runtime.resumption import Line, ResumableSession
from antiphon.transports.connection import Connection
from antiphon.transports.dialects import DIALECTS
from antiphon.transports.websocket import converse

__all__ = ["serve", "serve_again"]

_log = logging.getLogger(__name__)

_DELIBERATE = frozenset({1000, 1005})
"""Codes with which a client closes that is not coming back; 1005 stands for none, as browsers send
it unless they are given one. Pages that are left close with 1001, and may be loaded again."""


async def serve(connection: Connection, *, reception: Reception, opening: Opening) -> None:
    """Accept a connection and begin a session on it that outlives it.

    Args:
        connection: A client's.
        reception: Admits the session; must not be full.
        opening: What the client connects for.
    """
    with contextlib.ExitStack() as place:
        # Before the first pause, in which another client might take it.
        place.enter_context(reception.admission.place(opening.key_name))
        await connection.accept()  # who has gone meanwhile needs no session
        async with connection.closing_on_mistakes():
            session = await reception.resumptions.begin(opening)
            place.close()  # it has its own
            with anyio.CancelScope() as scope:
                await _converse(connection, session, session.connect(scope))


async def serve_again(
    connection: Connection, *, session: ResumableSession, token: str, last_event_id: str
) -> None:
    """Accept a connection and go on with a session on it.

    Args:
        connection: A client's.
        session: The session.
        token: With which the client may resume it.
        last_event_id: The last event that the client has got.

    Raises:
        RequestError: As :meth:`ResumableSession.resume` does; nothing has been sent.
    """
    with anyio.CancelScope() as scope:
        line = session.resume(token, last_event_id, scope)
        try:
            await connection.accept()
            async with connection.closing_on_mistakes():
                await _converse(connection, session, line)
        finally:
            line.close()


async def _converse(connection: Connection, session: ResumableSession, line: Line) -> None:
    _log.info("%s: connected from %s", line.session_id, connection.client)
    dialect = DIALECTS[session.opening.dialect]
    heard = replace(connection, receive=partial(_receive, connection.receive, line))
    async with anyio.create_task_group() as tasks:
        await converse(line, dialect, heard, tasks)


async def _receive(receive: Receive, line: Line) -> Message:
    """Receive, and have the session end with a client that closes the connection in order."""
    message = await receive()
    # A connection that is lost is a disconnect as well, with code 1005, but without a reason.
    if "reason" in message and message["code"] in _DELIBERATE:
        line.leave()
    return message
