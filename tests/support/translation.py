"""Clients of translation sessions, over a real connection and within the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

from openai.types.realtime import RealtimeTranslationServerEvent
from pydantic import TypeAdapter
from websockets.asyncio.client import ClientConnection

from antiphon.runtime.openings import Opening
from antiphon.wire.translation import (
    TranslationAudioUpdate,
    TranslationInputUpdate,
    TranslationSessionUpdate,
    TranslationTranscription,
)
from tests.support.client import Client, Frame
from tests.support.ledger import TranslationLedger
from tests.support.memory import MemoryClient
from tests.support.server import Server, SocketClient
from tests.support.sound import as_base64

__all__ = [
    "TRANSCRIBED",
    "TranslationMemoryClient",
    "TranslationSocketClient",
    "translating",
]

TRANSCRIBED = Opening(
    kind="translation",
    model="translator",
    settings=TranslationSessionUpdate(
        audio=TranslationAudioUpdate(
            input=TranslationInputUpdate(transcription=TranslationTranscription(model="any"))
        )
    ),
)
"""A translation session that tells the words of the source as well."""


class _TranslationClient(Client):
    """A client whose frames are all entered in a ledger.

    Attributes:
        ledger: The account of the session.
    """

    sdk_types: ClassVar[TypeAdapter[object]] = TypeAdapter[object](RealtimeTranslationServerEvent)
    ledger: TranslationLedger

    async def next(self) -> Frame:
        """Wait for the next frame."""
        frame = await super().next()
        self.ledger.read(frame)
        return frame

    async def append(self, audio: bytes, *, chunk_bytes: int = 4_800) -> None:
        """Append source audio in chunks, of 100 ms unless said otherwise."""
        for start in range(0, len(audio), chunk_bytes):
            chunk = as_base64(audio[start : start + chunk_bytes])
            await self.send("session.input_audio_buffer.append", audio=chunk)

    async def finish(self) -> None:
        """Ask for the end, and take everything up to it."""
        await self.send("session.close")
        await self.until("session.closed")


class TranslationSocketClient(_TranslationClient, SocketClient):
    """Over a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__(socket)
        self.ledger = TranslationLedger()

    async def send_raw(self, frame: str | bytes) -> None:
        """Send one frame of JSON."""
        assert isinstance(frame, str)
        self.ledger.sends(frame)
        await super().send_raw(frame)


class TranslationMemoryClient(_TranslationClient, MemoryClient):
    """Within the process."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = TranslationLedger()

    async def send_raw(self, frame: str | bytes) -> None:
        """Send one frame of JSON."""
        assert isinstance(frame, str)
        self.ledger.sends(frame)
        await super().send_raw(frame)


@asynccontextmanager
async def translating(
    server: Server,
    path: str = "/v1/realtime/translations?model=translator",
    *,
    headers: dict[str, str] | None = None,
    subprotocols: tuple[str, ...] = (),
) -> AsyncIterator[TranslationSocketClient]:
    """Open a translation session over a WebSocket; nothing has been received from it."""
    async with server.socket(path, headers=headers, subprotocols=subprotocols) as client:
        yield TranslationSocketClient(client.socket)
