"""A session over a WebSocket that never leaves the process: for time that is skipped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from starlette.types import Message, Scope

from antiphon.config import Config, StoreChoice
from antiphon.engines.scripted.script import Script
from antiphon.runtime.models import Models
from antiphon.runtime.openings import Opening
from antiphon.runtime.reception import Reception, open_reception
from antiphon.transports import websocket
from antiphon.transports.connection import Connection
from tests.support.cast import Cast, make_cast
from tests.support.client import Client

__all__ = ["GoneClient", "MemoryClient", "Room", "open_room"]

_SCOPE: Scope = {"type": "websocket", "client": ("203.0.113.1", 1)}


class MemoryClient(Client):
    """The client's end, which may stop reading as a slow one does.

    Attributes:
        accepted: Set once the server has accepted the connection.
        over: Set once the server has done with the connection.
        closed: Close code and reason, once the server has sent them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.accepted = anyio.Event()
        self.over = anyio.Event()
        self.closed: tuple[int, str] | None = None
        self._to_server: asyncio.Queue[Message] = asyncio.Queue()
        self._from_server: asyncio.Queue[str] = asyncio.Queue()
        self._reads = anyio.Event()
        self._reads.set()
        self._to_server.put_nowait({"type": "websocket.connect"})

    async def _receive(self) -> str:
        return await self._from_server.get()

    async def receive(self) -> str:
        """Wait for the next frame, as long as it takes, and leave it unchecked."""
        return await self._receive()

    async def send_raw(self, frame: str | bytes) -> None:
        key = "text" if isinstance(frame, str) else "bytes"
        self._to_server.put_nowait({"type": "websocket.receive", key: frame})

    def stop_reading(self) -> None:
        """Take no more frames: the server's next one stays in its hands."""
        self._reads = anyio.Event()

    def read_on(self) -> None:
        """Take frames again."""
        self._reads.set()

    def leave(self) -> None:
        """Break the connection."""
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def close(self, code: int) -> None:
        """Close the connection in order."""
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})

    @property
    def waiting_frames(self) -> int:
        """How many frames have come that the test has not looked at."""
        return self._from_server.qsize()

    async def take_what_came(self) -> None:
        """Look at all frames that have come."""
        while self.waiting_frames:
            await self.next()

    # --- the server's side, as ASGI has it --------------------------------------------------------

    async def asgi_receive(self) -> Message:
        """Give the server what the client sends."""
        return await self._to_server.get()

    async def asgi_send(self, message: Message) -> None:
        """Take what the server sends."""
        await self._reads.wait()
        if self.closed is not None:
            error = "the server sends to a connection that it has closed"
            raise AssertionError(error)
        match message["type"]:
            case "websocket.accept":
                self.accepted.set()
            case "websocket.send":
                self._from_server.put_nowait(message["text"])
            case "websocket.close":
                self.closed = (message["code"], message["reason"])
                self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1005})


class GoneClient(MemoryClient):
    """A client that has gone by the time it is answered."""

    async def asgi_send(self, message: Message) -> None:
        error = f"gone before '{message['type']}'"
        raise ConnectionError(error)


@dataclass(frozen=True)
class Room:
    """A reception, and the clients who come in.

    Attributes:
        cast: Who acts the script out.
        reception: The reception.
    """

    cast: Cast
    reception: Reception
    tasks: anyio.abc.TaskGroup

    async def enter(self) -> MemoryClient:
        """Open a session, and wait for ``session.created``."""
        client = MemoryClient()
        await self.welcome(client)
        return client

    async def welcome(self, client: MemoryClient, opening: Opening | None = None) -> None:
        """Open a session for a client, and wait for ``session.created``."""
        self.tasks.start_soon(self.serve, client, opening)
        await client.until("session.created")

    async def serve(self, client: MemoryClient, opening: Opening | None = None) -> None:
        """Serve a client until it leaves; a speech session, unless it comes for something else."""
        await websocket.serve(
            Connection(_SCOPE, client.asgi_receive, client.asgi_send),
            reception=self.reception,
            opening=opening or Opening(model="antiphon"),
        )
        client.over.set()


@asynccontextmanager
async def open_room(
    script: Script | None = None, *, cast: Cast | None = None, **config: object
) -> AsyncIterator[Room]:
    """Open a reception with scripted engines; what still runs at the end is cancelled.

    Answers are worked out ahead as with other engines, unless the configuration says otherwise.
    """
    cast = cast or make_cast(script)
    fields = {
        "home": Path("unused"),
        "speculation": "answers",
        "store": StoreChoice(keep="nothing"),
        **config,
    }
    settings = Config(**fields)  # type: ignore[arg-type]  # Config checks what matters
    async with (
        open_reception(settings, Models(settings, lambda _: cast.engines)) as reception,
        anyio.create_task_group() as tasks,
    ):
        yield Room(cast, reception, tasks)
        tasks.cancel_scope.cancel()
