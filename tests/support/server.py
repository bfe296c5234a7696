"""The real server, in process, on a free port."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import httpx2
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from antiphon.config import Config, StoreChoice
from antiphon.engines.scripted.script import Script
from antiphon.runtime.engine_set import EngineSet
from antiphon.store.records import Record
from antiphon.store.store import Store
from antiphon.testing.listening import Listening, listening
from tests.support.cast import Cast, make_cast
from tests.support.client import PATIENCE_S, Client

__all__ = ["SdkClient", "Served", "SocketClient", "running_server", "serving"]


class SdkClient(Client):
    """A client that is the official SDK.

    Attributes:
        sdk: The SDK's connection.
    """

    def __init__(self, sdk: AsyncRealtimeConnection) -> None:
        super().__init__()
        self.sdk = sdk

    async def _receive(self) -> bytes:
        return await self.sdk.recv_bytes()

    async def send_raw(self, frame: str | bytes) -> None:
        await self.sdk.send_raw(frame)


class SocketClient(Client):
    """A client that may send anything.

    Attributes:
        socket: The bare WebSocket.
    """

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__()
        self.socket = socket

    async def _receive(self) -> str | bytes:
        return await self.socket.recv()

    async def send_raw(self, frame: str | bytes) -> None:
        await self.socket.send(frame)

    async def closed(self) -> tuple[int, str]:
        """Take what is left, wait for the end, and return its code and reason."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.next()
        code, reason = self.socket.close_code, self.socket.close_reason
        assert code is not None
        return code, reason or ""


@dataclass(frozen=True)
class Server(Listening):
    """A server that runs, and clients of it."""

    @property
    def store(self) -> Store:
        """Where it keeps responses; one that keeps nothing has none."""
        assert self.reception.store is not None, "the server keeps nothing"
        return self.reception.store

    async def keep(self, *records: Iterable[Record]) -> None:
        """Have records kept, and wait until they are."""
        for some in records:
            for record in some:
                self.store.put(record)
        await self.store.flush()

    def openai(self, api_key: str = "any") -> AsyncOpenAI:
        """A client of the official SDK."""
        return AsyncOpenAI(base_url=f"{self.url}/v1", api_key=api_key, max_retries=0)

    @asynccontextmanager
    async def sdk(self, *, api_key: str = "any") -> AsyncIterator[SdkClient]:
        """Open a session with the official SDK, and wait for ``session.created``."""
        async with (
            self.openai(api_key) as openai,
            openai.realtime.connect(model="antiphon") as connection,
        ):
            client = SdkClient(connection)
            await client.until("session.created")
            yield client

    @asynccontextmanager
    async def socket(
        self,
        path: str = "/v1/realtime",
        *,
        headers: dict[str, str] | None = None,
        subprotocols: tuple[str, ...] = (),
    ) -> AsyncIterator[SocketClient]:
        """Open a bare WebSocket; nothing has been received from it."""
        async with connect(
            f"ws{self.url.removeprefix('http')}{path}",
            additional_headers=headers,
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            max_size=None,
            compression=None,
            open_timeout=PATIENCE_S,
        ) as connection:
            yield SocketClient(connection)

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        json: object = None,
        content: bytes | AsyncIterator[bytes] | None = None,
    ) -> httpx2.Response:
        """Send a plain HTTP request, with a body of JSON or of any bytes."""
        async with httpx2.AsyncClient(base_url=self.url) as client:
            return await client.request(method, path, headers=headers, json=json, content=content)

    async def wait_until_empty(self) -> None:
        """Wait until no session is open."""
        with anyio.fail_after(PATIENCE_S):
            while self.reception.open_sessions:
                await anyio.lowlevel.checkpoint()


@dataclass(frozen=True)
class Served(Server):
    """A server whose engines act a script out.

    Attributes:
        cast: The engines.
    """

    cast: Cast


@asynccontextmanager
async def serving(engines: EngineSet, **config: object) -> AsyncIterator[Server]:
    """Run the server on a free port until the context ends."""
    with TemporaryDirectory() as home:
        fields = {"port": 0, "home": Path(home), "store": StoreChoice(keep="nothing"), **config}
        settings = Config(**fields)  # type: ignore[arg-type]  # Config checks what matters
        async with listening(settings, engines) as server:
            yield Server(server.url, server.reception, server.stop)


@asynccontextmanager
async def running_server(script: Script | None = None, **config: object) -> AsyncIterator[Served]:
    """Run the server on a free port, with scripted engines, until the context ends."""
    cast = make_cast(script)
    async with serving(cast.engines, **config) as server:
        yield Served(server.url, server.reception, server.stop, cast)
