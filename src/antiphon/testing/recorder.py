"""Notes what passes over WebSockets, between the server's application and its clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Literal

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from antiphon.testing.journal import Event, Note
from antiphon.testing.records import SessionRecord

__all__ = ["Recorder"]


class Recorder:
    """ASGI application that passes everything on to another, and notes it.

    Args:
        app: The other.
        on_open: Told of each connection that is accepted, before anything passes over it.
        on_note: Told of all events of all connections.
    """

    def __init__(
        self,
        app: ASGIApp,
        on_open: Callable[[SessionRecord], None],
        on_note: Callable[[Note], None],
    ) -> None:
        self._app = app
        self._on_open = on_open
        self._on_note = on_note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        if scope["type"] == "websocket":
            await self._record(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _record(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        connection = anyio.CancelScope()

        def cut() -> None:
            if not record.closed:
                loop.call_soon_threadsafe(connection.cancel)

        def note(sender: Literal["app", "server"], message: Message) -> None:
            if (text := message.get("text")) is not None:
                entry = Note(sender, _parsed(text))
                record.add(entry)
                self._on_note(entry)

        async def receive_and_note() -> Message:
            message = await receive()
            note("app", message)
            return message

        async def note_and_send(message: Message) -> None:
            match message["type"]:
                case "websocket.accept":
                    self._on_open(record)
                case "websocket.close":
                    record.close_code = message.get("code", 1000)
            note("server", message)  # before the app has it, which may look at once
            await send(message)

        record = SessionRecord(cut)
        try:
            # The server ends a connection whose application has returned, and says no goodbye.
            with connection:
                await self._app(scope, receive_and_note, note_and_send)
        finally:
            record.closed = True


def _parsed(text: str) -> Event:
    try:
        event = json.loads(text)
    except ValueError:
        event = None
    return event if isinstance(event, dict) else {"type": "not an event", "text": text}
