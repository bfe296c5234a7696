"""A call without a network: the client's end and the server's are one object each, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import numpy as np

from antiphon.audio.formats import codec_of
from antiphon.audio.resample import Resampler
from antiphon.core.clock import INPUT_CLOCK_HZ
from antiphon.errors import RequestError
from antiphon.runtime.calls import Call
from antiphon.runtime.openings import Opening
from antiphon.transports.webrtc.call import Switchboard
from antiphon.transports.webrtc.peer import FRAME_BYTES, Packets, PeerEvents, PeerFactory
from antiphon.wire.audio_config import PcmFormat
from tests.support.client import Client
from tests.support.memory import Room
from tests.support.server import Served

__all__ = ["UNUSABLE_OFFER", "CallClient", "Line", "Phone", "phone_in"]

UNUSABLE_OFFER = "v=1"
_FRAME_SAMPLES = INPUT_CLOCK_HZ // 50


class Line:
    """Both ends of a connection; see :class:`antiphon.transports.webrtc.peer.Peer`.

    Attributes:
        events: What the server is told by.
        played: What the client has been sent to be heard, 24 kHz PCM.
        closed: Whether the connection is over.
        packets: What is told of those that came.
    """

    def __init__(self, events: PeerEvents) -> None:
        self.events = events
        self.played = bytearray()
        self.closed = anyio.Event()
        self.packets = Packets()
        self.messages: asyncio.Queue[str] = asyncio.Queue()

    async def answer(self, offer_sdp: str) -> str:
        if offer_sdp == UNUSABLE_OFFER:
            message = "The offer cannot be used."
            raise RequestError(message, code="invalid_offer", param="sdp")
        await anyio.lowlevel.checkpoint()
        return f"answer to {offer_sdp}"

    def send_audio(self, frame: bytes) -> None:
        assert len(frame) == FRAME_BYTES
        assert not self.closed.is_set()
        self.played += frame

    def send_message(self, text: str) -> None:
        assert not self.closed.is_set()
        self.messages.put_nowait(text)

    async def aclose(self) -> None:
        self.break_off("the server ended the call")

    def break_off(self, reason: str) -> None:
        """End the connection."""
        if not self.closed.is_set():
            self.closed.set()
            self.events.on_closed(reason)


class CallClient(Client):
    """Whoever calls.

    Attributes:
        line: The connection.
        call_id: What the call is known by.
    """

    def __init__(self, line: Line, call_id: str) -> None:
        super().__init__()
        self.line = line
        self.call_id = call_id

    async def _receive(self) -> str:
        return await self.line.messages.get()

    async def send_raw(self, frame: str | bytes) -> None:
        assert isinstance(frame, str)
        self.line.events.on_message(frame)
        await anyio.lowlevel.checkpoint()

    async def talk(self, audio: bytes) -> None:
        """Speak into the microphone, as fast as time goes by: 24 kHz PCM."""
        codec = codec_of(PcmFormat())
        resampler = Resampler(codec.rate_hz, INPUT_CLOCK_HZ)
        samples = np.concatenate([resampler.push(codec.decode(audio)), resampler.flush()])
        for start in range(0, len(samples), _FRAME_SAMPLES):
            if self.line.closed.is_set():
                return
            self.line.events.on_audio(samples[start : start + _FRAME_SAMPLES])
            await anyio.sleep(0.02)

    @property
    def sounding_ms(self) -> float:
        """How much of what was played is not silence."""
        samples = np.frombuffer(bytes(self.line.played), "<i2")
        frames = samples.reshape(-1, FRAME_BYTES // 2)
        return float(20 * np.any(frames, axis=1).sum())

    def take_what_came(self) -> list[str]:
        """Return the messages that have come and were not looked at."""
        return [self.line.messages.get_nowait() for _ in range(self.line.messages.qsize())]


@dataclass(frozen=True)
class Phone:
    """Calls a server.

    Attributes:
        room: The server.
        switchboard: Answers.
        lines: All connections so far.
    """

    room: Room | Served
    switchboard: Switchboard
    lines: list[Line]

    async def dial(self, opening: Opening | None = None, offer: str = "offer") -> CallClient:
        """Call; nothing has been received."""
        opening = opening or Opening(model="antiphon")
        answered = await self.switchboard.answer(opening, offer)
        assert answered.sdp == f"answer to {offer}"
        return CallClient(self.lines[-1], answered.call_id)

    async def call(self) -> CallClient:
        """Call, and wait for ``session.created``."""
        client = await self.dial()
        await client.until("session.created")
        return client

    def find(self, client: CallClient) -> Call:
        """Return the server's end of a call."""
        return self.room.reception.calls.find(client.call_id, None)


@asynccontextmanager
async def phone_in(room: Room | Served) -> AsyncIterator[Phone]:
    """Connect a server to the world; its calls end with it."""
    lines: list[Line] = []

    def make_peer(events: PeerEvents) -> Line:
        lines.append(Line(events))
        return lines[-1]

    async def load_peers() -> PeerFactory:
        return make_peer

    yield Phone(room, Switchboard(room.reception, load_peers), lines)
