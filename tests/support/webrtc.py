"""The client's end of a call: aiortc as it is, whose media is not ours."""

from __future__ import annotations

import asyncio
import fractions
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from antiphon.engines.base import Floats
from antiphon.transports.webrtc.aiortc_peer import AiortcPeer
from antiphon.transports.webrtc.ice import IceSettings
from antiphon.transports.webrtc.pacer import Pacer
from antiphon.transports.webrtc.peer import EVENT_CHANNEL, FRAME_BYTES, Peer
from tests.support.client import PATIENCE_S

__all__ = ["LOOPBACK", "Call", "Caller", "Heard", "LossyRelay", "calling", "loudest_hz", "tone"]

LOOPBACK = IceSettings(with_loopback=True)

_CLIENT_RATE_HZ = 48_000
_FRAME_SAMPLES = 960


def tone(frequency_hz: float, rate_hz: int, samples: int, start: int = 0) -> Floats:
    """A sine at half of full scale, from a sample of it on."""
    at = np.arange(start, start + samples)
    return (0.5 * np.sin(2 * np.pi * frequency_hz * at / rate_hz)).astype(np.float32)


def loudest_hz(samples: Floats, rate_hz: int) -> float:
    """The frequency with most power, to the next few hertz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


@dataclass
class Heard:
    """What a peer told."""

    audio: list[Floats] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_audio(self, samples: Floats) -> None:
        assert not self.reasons
        self.audio.append(samples)
        self.changed.set()

    def on_message(self, text: str) -> None:
        assert not self.reasons
        self.messages.append(text)
        self.changed.set()

    def on_closed(self, reason: str) -> None:
        self.reasons.append(reason)
        self.changed.set()

    @property
    def samples(self) -> Floats:
        return np.concatenate([np.zeros(0, np.float32), *self.audio])

    async def until(self, holds: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Wait until something holds of what was told."""
        with anyio.fail_after(timeout_s):
            while not holds():
                self.changed.clear()
                await self.changed.wait()


class _Microphone(MediaStreamTrack):
    """48 kHz mono of a function of time, at the pace of time."""

    kind = "audio"

    def __init__(self, sound: Callable[[int, int], Floats]) -> None:
        super().__init__()
        self._sound = sound
        self._position = 0
        self._started_s: float | None = None

    async def recv(self) -> av.AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        if self._started_s is None:
            self._started_s = loop.time()
        due_s = self._started_s + self._position / _CLIENT_RATE_HZ
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        samples = self._sound(self._position, _FRAME_SAMPLES)
        pcm = (samples * 32767).astype(np.int16)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = _CLIENT_RATE_HZ
        frame.pts = self._position
        frame.time_base = fractions.Fraction(1, _CLIENT_RATE_HZ)
        self._position += _FRAME_SAMPLES
        return frame


class Caller:
    """A client with a microphone, a loudspeaker and the channel for events.

    Attributes:
        connection: aiortc's.
        channel: The channel; ``None`` if there is none.
        messages: What came over it.
        played: What came over the track: float32, by frames.
        rate_hz: … at this rate; 0 before it comes.
        changed: Set whenever something came.
    """

    def __init__(
        self, sound: Callable[[int, int], Floats] | None = None, *, with_channel: bool = True
    ) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connection.addTrack(_Microphone(sound or (lambda _, n: np.zeros(n, np.float32))))
        self.messages: list[str] = []
        self.played: list[Floats] = []
        self.rate_hz = 0
        self.changed = asyncio.Event()
        self.channel: RTCDataChannel | None = None
        if with_channel:
            self.channel = self.connection.createDataChannel(EVENT_CHANNEL)
            self.channel.on("message", self._take)
            self.channel.on("open", self.changed.set)
        self.connection.on("track", self._listen)
        self.connection.on("connectionstatechange", self.changed.set)
        self._listening: asyncio.Task[None] | None = None

    async def offer(self) -> str:
        """Make an offer, with candidates."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp)

    async def take(self, answer_sdp: str) -> None:
        """Take the answer, and begin to connect."""
        await self.connection.setRemoteDescription(RTCSessionDescription(answer_sdp, "answer"))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of this client."""
        with anyio.fail_after(PATIENCE_S):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    async def open(self) -> None:
        """Wait until the channel is open."""
        await self.until(lambda: self.channel is not None and self.channel.readyState == "open")

    def send(self, message: str | bytes) -> None:
        """Send over the channel."""
        assert self.channel is not None
        self.channel.send(message)

    @property
    def samples(self) -> Floats:
        return np.concatenate([np.zeros(0, np.float32), *self.played])

    async def vanish(self) -> None:
        """Be gone without a word, as a killed process is: no packet comes or goes any more."""
        for transceiver in self.connection.getTransceivers():
            ice = transceiver.receiver.transport.transport
            for protocol in ice._connection._protocols:
                protocol.transport.close()

    async def aclose(self) -> None:
        """Hang up."""
        await self.connection.close()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])

    def _take(self, message: str) -> None:
        self.messages.append(message)
        self.changed.set()

    def _listen(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.create_task(self._play(track))

    async def _play(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.AudioFrame)
            pcm = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
            self.rate_hz = frame.sample_rate
            self.played.append(pcm[:, 0].astype(np.float32) / np.float32(32768))
            self.changed.set()


@dataclass
class Call:
    """Both ends of a call."""

    caller: Caller
    peer: Peer
    heard: Heard
    answer: str


@asynccontextmanager
async def calling(
    sound: Callable[[int, int], Floats] | None = None,
    *,
    say: Callable[[int, int], Floats] | None = None,
    settings: IceSettings = LOOPBACK,
    with_channel: bool = True,
    change_offer: Callable[[str], str] = lambda offer: offer,
    change_answer: Callable[[str], str] = lambda answer: answer,
    pacer: Pacer | None = None,
) -> AsyncIterator[Call]:
    """Connect a client to a peer of ours; the peer says something, at 24 kHz, or silence."""
    heard = Heard()
    caller = Caller(sound, with_channel=with_channel)
    peer = AiortcPeer(settings, heard)
    position = 0

    def tick() -> None:
        nonlocal position
        samples = FRAME_BYTES // 2
        frame = say(position, samples) if say else np.zeros(samples, np.float32)
        peer.send_audio((frame * 32767).astype("<i2").tobytes())
        position += samples

    leave = (pacer or Pacer()).join(tick)
    try:
        answer = await peer.answer(change_offer(await caller.offer()))
        await caller.take(change_answer(answer))
        await caller.until(lambda: caller.connection.connectionState == "connected")
        if with_channel:
            await caller.open()
        yield Call(caller, peer, heard, answer)
    finally:
        leave()
        await peer.aclose()
        await caller.aclose()


class LossyRelay(asyncio.DatagramProtocol):
    """Stands between client and server, and loses and delays packets, by a seed.

    Attributes:
        loss: Share of packets that are lost, both ways.
        jitter_s: Packets are delayed by up to twice as much, evenly spread.
    """

    def __init__(self, seed: int) -> None:
        self.loss = 0.0
        self.jitter_s = 0.0
        self._random = random.Random(seed)
        self._server: tuple[str, int] | None = None
        self._client: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    @asynccontextmanager
    async def standing(cls, seed: int = 1) -> AsyncIterator[LossyRelay]:
        """Stand on a free port of 127.0.0.1."""
        loop = asyncio.get_running_loop()
        transport, relay = await loop.create_datagram_endpoint(
            lambda: cls(seed), local_addr=("127.0.0.1", 0)
        )
        relay._transport = transport
        try:
            yield relay
        finally:
            transport.close()

    def without_candidates(self, offer: str) -> str:
        """Keep the server from reaching the client directly."""
        return re.sub(r"a=candidate:.*\r\n", "", offer)

    def between(self, answer: str) -> str:
        """Have the client reach the server through here."""
        assert self._transport is not None
        port = self._transport.get_extra_info("sockname")[1]
        found = re.search(r"a=candidate:(\S+ \d \S+ \d+) (127\.0\.0\.1) (\d+) typ host\r\n", answer)
        assert found
        self._server = found[2], int(found[3])
        through = f"a=candidate:{found[1]} 127.0.0.1 {port} typ host\r\n"
        without = self.without_candidates(answer)
        return without.replace("a=end-of-candidates", through.strip() + "\r\na=end-of-candidates")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr != self._server:
            self._client = addr
        to = self._client if addr == self._server else self._server
        if self._random.random() < self.loss:
            return
        delay_s = self._random.uniform(0, 2 * self.jitter_s)
        asyncio.get_running_loop().call_later(delay_s, self._pass_on, data, to)

    def _pass_on(self, data: bytes, to: tuple[str, int] | None) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, to)
