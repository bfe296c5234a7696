"""A client whose connections break, and who comes back to its session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from antiphon.errors import RequestError
from antiphon.runtime.openings import Opening
from antiphon.transports import resumable
from antiphon.transports.connection import Connection
from antiphon.wire.error import ErrorObject
from tests.support.memory import MemoryClient, Room

__all__ = ["Event", "ReturningClient"]

Event = dict[str, Any]
"""An event as the client reads it."""

_SCOPE = {"type": "websocket", "client": ("203.0.113.1", 1)}


class ReturningClient:
    """A client, over all its connections.

    Args:
        room: The server.
        opening: What it connects for; a speech session by default.

    Attributes:
        connection: The one of now.
        frames: All events it got, but for those that only clients get who come back.
        resumed: Those.
        refused: Why it could not come back, if it could not.
        is_cut: Whether the connection of now is broken.
        sent: All frames it has sent; some may have been lost on the way.
    """

    def __init__(self, room: Room, opening: Opening | None = None) -> None:
        self.connection = MemoryClient()
        self.frames: list[Event] = []
        self.resumed: list[Event] = []
        self.refused: ErrorObject | None = None
        self.is_cut = False
        self.sent: list[str] = []
        self._room = room
        self._opening = opening or Opening(model="antiphon")
        self._last_event_id = ""
        self._token = ""

    async def connect(self) -> None:
        """Open a session that outlives its connection, and wait for ``session.created``."""
        self._room.tasks.start_soon(self._serve, self.connection)
        await self.next()

    @property
    def session_id(self) -> str:
        """The session's id."""
        session_id: str = self.frames[0]["session"]["id"]
        return session_id

    @property
    def token(self) -> str:
        """The one it was given last."""
        return self._token

    def cut(self) -> None:
        """Break the connection; what is on the way, and what is sent from now on, is lost."""
        self.is_cut = True
        self.connection.leave()

    async def come_back(
        self, *, token: str | None = None, last_event_id: str | None = None
    ) -> None:
        """Connect again, and send what has not arrived.

        Args:
            token: Another one than the client was given.
            last_event_id: Another event than the last that the client got.
        """
        received = await self.reconnect(token=token, last_event_id=last_event_id)
        for text in self.sent[received:]:
            await self.connection.send_raw(text)

    async def reconnect(self, *, token: str | None = None, last_event_id: str | None = None) -> int:
        """Connect again; return how many of the client's frames have arrived."""
        self.begin_to_reconnect(token=token, last_event_id=last_event_id)
        frame = await self._read()
        received: int = frame["received_events"]
        return received

    def begin_to_reconnect(
        self, *, token: str | None = None, last_event_id: str | None = None
    ) -> None:
        """Connect again; read nothing yet."""
        self.connection = MemoryClient()
        self.is_cut = False
        self._room.tasks.start_soon(
            self._serve_again,
            self.connection,
            self._token if token is None else token,
            self._last_event_id if last_event_id is None else last_event_id,
        )

    async def send(self, event_type: str, **fields: object) -> None:
        """Send one event."""
        text = msgspec.json.encode({"type": event_type, **fields}).decode()
        self.sent.append(text)
        await self.connection.send_raw(text)

    async def next(self) -> Event:
        """Wait for the next event that is not about coming back."""
        while True:
            frame = await self._read()
            if self.frames and frame is self.frames[-1]:
                return frame

    async def until(self, wanted: str | Callable[[Event], bool]) -> Event:
        """Wait for an event."""
        while True:
            frame = await self.next()
            if frame["type"] == wanted if isinstance(wanted, str) else wanted(frame):
                return frame

    async def _read(self) -> Event:
        frame: Event = msgspec.json.decode(await self.connection.receive())
        self._last_event_id = frame["event_id"]
        if "antiphon" in frame:
            self._token = frame["antiphon"]["resume_token"]
        is_about_it = frame["type"] == "antiphon.session.resumed"
        (self.resumed if is_about_it else self.frames).append(frame)
        return frame

    async def _serve(self, client: MemoryClient) -> None:
        await resumable.serve(
            Connection(_SCOPE, client.asgi_receive, client.asgi_send),
            reception=self._room.reception,
            opening=self._opening,
        )
        client.over.set()

    async def _serve_again(self, client: MemoryClient, token: str, last_event_id: str) -> None:
        try:
            session = self._room.reception.resumptions.find(
                self.session_id, self._opening.key_name, token
            )
            await resumable.serve_again(
                Connection(_SCOPE, client.asgi_receive, client.asgi_send),
                session=session,
                token=token,
                last_event_id=last_event_id,
            )
        except RequestError as error:
            self.refused = ErrorObject.of(error)
        client.over.set()
