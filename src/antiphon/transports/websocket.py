"""A session over a WebSocket: text frames of JSON in and out, one event each."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import anyio
from anyio.abc import TaskGroup
from starlette.types import Message, Receive

from antiphon.errors import RequestError
from antiphon.runtime.hosts import SessionHost
from antiphon.runtime.openings import Opening
from antiphon.runtime.reception import Reception
from antiphon.transports.connection import Connection
from antiphon.transports.dialects import DIALECTS, Dialect

__all__ = ["MAX_FRAME_BYTES", "converse", "serve"]

_log = logging.getLogger(__name__)

MAX_FRAME_BYTES = 32 << 20
"""Larger frames end the connection. An event with the largest permitted audio, 15 MiB, is 20 MiB
of JSON; what lies between gets a proper error."""


async def serve(connection: Connection, *, reception: Reception, opening: Opening) -> None:
    """Accept a connection and serve a session on it until either side closes.

    Args:
        connection: A client's.
        reception: Admits the session; must not be full.
        opening: What the client connects for.
    """
    # Before the first pause, in which another client might take it.
    with reception.admission.place(opening.key_name):
        await connection.accept()
        async with connection.closing_on_mistakes(), anyio.create_task_group() as tasks:
            host = reception.admit(opening, tasks)
            _log.info("%s: opened from %s", host.session_id, connection.client)
            await converse(host, DIALECTS[opening.dialect], connection, tasks)


async def converse(
    host: SessionHost, dialect: Dialect, connection: Connection, tasks: TaskGroup
) -> None:
    """Read and write on a connection that has been accepted, until either side closes.

    Args:
        host: Who answers.
        dialect: How the client words its events.
        connection: The client's.
        tasks: Of this connection; cancelled at the end.
    """
    try:
        begin_writing = partial(
            tasks.start_soon, _write, host, dialect, connection, tasks.cancel_scope
        )
        host.outbox.write_by(begin_writing)
        await _read(host, dialect, connection.receive)
    finally:
        host.close()
        tasks.cancel_scope.cancel()
        _log.info("%s: closed", host.session_id)


async def _read(host: SessionHost, dialect: Dialect, receive: Receive) -> None:
    """Take frames until the client has gone. Not reading is what holds a fast sender back."""
    # No frame has a name here, so that none is kept in memory until the next one arrives.
    while True:
        if not _take(host, dialect, await receive()):
            return
        await host.ready()
        # Frames that have arrived already are received without a pause; others want a turn.
        await asyncio.sleep(0)


def _take(host: SessionHost, dialect: Dialect, message: Message) -> bool:
    """Take one message; return whether there will be more."""
    if message["type"] == "websocket.disconnect":
        return False
    text = message.get("text")
    if text is None:
        size = len(message["bytes"])
        refusal = (
            f"A binary frame of {size} bytes was ignored. Send each event as a text frame of "
            "JSON, with audio in base64."
        )
        host.refuse(RequestError(refusal, code="invalid_event"))
        return True
    try:
        host.receive(dialect.understand(text))
    except RequestError as error:
        host.refuse(error)
    return True


async def _write(
    host: SessionHost, dialect: Dialect, connection: Connection, scope: anyio.CancelScope
) -> None:
    """Send what is in the outbox; once that is closed, close the connection."""
    try:
        while (frame := await host.outbox.get()) is not None:
            expressed = dialect.express(frame)
            if expressed is not None:
                await connection.send_text(expressed.decode())
        if not host.outbox.closed:
            return
        if host.closing is not None:
            await connection.close(host.closing)
    except (OSError, RuntimeError) as error:
        # RuntimeError is how uvicorn says that it has closed the connection itself, for example
        # because of a frame over MAX_FRAME_BYTES.
        _log.info("%s: the connection broke: %r", host.session_id, error)
    scope.cancel()
