"""What calls over WebRTC cost, and how much they delay speech.

Calls of aiortc as a client, each with speech both ways, to a process that only has the calls and
no sessions. What is measured is that process: its processor time for each call, how many calls
that makes a core, and how late its pacer was. Then, with a single call, how long sound takes from
the moment it could be sent to the moment it was received, either way, by bursts of a tone. Network
and encoding are in it, too; what the encoding looks ahead, 6.5 ms of Opus, is not::

    python -m bench.webrtc --calls 16
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import msgspec
import numpy as np
import uvloop
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import RtpPacket
from av import Packet

from antiphon.audio.formats import Floats, to_int16s
from antiphon.transports.webrtc.aiortc_peer import AiortcPeer
from antiphon.transports.webrtc.ice import IceSettings
from antiphon.transports.webrtc.opus import OpusDecoder, OpusEncoder
from antiphon.transports.webrtc.pacer import Pacer
from antiphon.transports.webrtc.peer import FRAME_BYTES, FRAME_MS
from bench.common import load_average, print_table, summary
from bench.questions import spoken_questions
from bench.webrtc_peers import Reply, Request

FRAME_S = FRAME_MS / 1000
WARM_UP_S = 2.0
TARGET_CALLS = 40
TARGET_DELAY_MS = 60.0
BURSTS = 50
BURST_GAP_S = 0.3
AUDIBLE = 0.1


class _Speaker(MediaStreamTrack):
    """Sends packets that are encoded already, at the pace of time."""

    kind = "audio"

    def __init__(self, packets: Sequence[bytes]) -> None:
        super().__init__()
        self._packets = cycle(packets)
        self._sent = 0
        self._started_s = time.monotonic()

    async def recv(self) -> Packet[Any]:
        due_s = self._started_s + self._sent * FRAME_S
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        packet: Packet[Any] = Packet(self.next_packet())
        packet.pts, packet.time_base = self._sent * 960, Fraction(1, 48_000)
        self._sent += 1
        return packet

    def next_packet(self) -> bytes:
        """Return what is to be sent now."""
        return next(self._packets)


async def _call(track: MediaStreamTrack) -> RTCPeerConnection:
    """Return a client with an offer made, and without media of its own to decode what comes."""
    client = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    client.addTrack(track)
    client.createDataChannel("oai-events")
    await client.setLocalDescription(await client.createOffer())
    _receive_by(client, lambda _packet: None)  # the client is not what is measured
    return client


def _receive_by(client: RTCPeerConnection, take: Callable[[RtpPacket], None]) -> None:
    """Have what comes taken as it is, in place of aiortc's own media."""

    async def receive(packet: RtpPacket, arrival_time_ms: int) -> None:  # noqa: ARG001
        take(packet)

    receiver = client.getTransceivers()[0].receiver
    receiver._handle_rtp_packet = receive  # type: ignore[method-assign]  # noqa: SLF001


# --- what it costs ------------------------------------------------------------------------------


class _Peers:
    """The process that has the server's ends of the calls."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._decoder = msgspec.json.Decoder(Reply)

    async def ask(self, offer: str | None = None) -> Reply:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(Request(offer)) + b"\n")
        return self._decoder.decode(await self._process.stdout.readline())


@asynccontextmanager
async def _peers(said: Path) -> AsyncIterator[_Peers]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.webrtc_peers",
        str(said),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield _Peers(process)
    finally:
        process.kill()
        await process.wait()


async def _cost(calls: int, seconds: float) -> None:
    speech = np.concatenate([one.samples for one in await spoken_questions(10)])
    packets = _encoded(speech)
    with TemporaryDirectory() as folder:
        said = Path(folder) / "said.pcm"
        said.write_bytes(to_int16s(speech).tobytes())
        async with _peers(said) as peers:
            clients = [await _call(_Speaker(packets)) for _ in range(calls)]
            for client in clients:
                answer = (await peers.ask(client.localDescription.sdp)).answer
                assert answer is not None
                await client.setRemoteDescription(RTCSessionDescription(answer, "answer"))
            await asyncio.sleep(WARM_UP_S)
            before, started_s = await peers.ask(), time.monotonic()
            await asyncio.sleep(seconds)
            after, passed_s = await peers.ask(), time.monotonic() - started_s
            for client in clients:
                await client.close()
    share = (after.processor_s - before.processor_s) / passed_s / calls
    heard = (after.heard_s - before.heard_s) / passed_s / calls
    met = "met" if 1 / share >= TARGET_CALLS else "missed"
    print(f"{calls} calls for {passed_s:.0f} s, {load_average()}")
    print(f"of the speech sent, {heard:.1%} was heard")
    print(f"processor time a call: {share:.2%} of a core")
    print(f"calls a core: {1 / share:.0f}; target {TARGET_CALLS}: {met}")
    print(f"pacer late by {after.worst_lag_ms:.0f} ms at most\n")


def _encoded(speech: Floats) -> list[bytes]:
    encoder = OpusEncoder(24_000)
    encoder.expect_loss(5)
    pcm = to_int16s(speech).tobytes()
    starts = range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)
    return [encoder.encode(pcm[start : start + FRAME_BYTES]) for start in starts]


# --- how long it takes --------------------------------------------------------------------------

_BURST = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(FRAME_BYTES // 2) / 24_000)).astype(np.float32)
_SILENCE = np.zeros(FRAME_BYTES // 2, np.float32)


class _Bursting(_Speaker):
    """Sends silence, and when told to, a burst."""

    def __init__(self) -> None:
        super().__init__([b""])
        self._encoder = OpusEncoder(24_000)
        self.due = False
        self.sent_s = 0.0

    def next_packet(self) -> bytes:
        if burst := self.due:
            self.due, self.sent_s = False, time.monotonic()
        return self._encoder.encode(to_int16s(_BURST if burst else _SILENCE).tobytes())


class _Listener:
    """Waits for a burst."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()
        self.heard_s = 0.0

    def on_audio(self, samples: Floats) -> None:
        if not self.heard.is_set() and len(samples) and np.abs(samples).max() > AUDIBLE:
            self.heard_s = time.monotonic()
            self.heard.set()

    def on_message(self, text: str) -> None:
        pass

    def on_closed(self, reason: str) -> None:
        pass


async def _delay() -> None:
    """Measure both directions on one call."""
    up, down, speaker = _Listener(), _Listener(), _Bursting()
    client = await _call(speaker)
    decoder = OpusDecoder(16_000)

    _receive_by(client, lambda packet: down.on_audio(decoder.decode(packet.payload)))
    peer, pacer, answers = AiortcPeer(IceSettings(with_loopback=True), up), Pacer(), [_SILENCE]
    pacer.join(lambda: peer.send_audio(to_int16s(answers.pop() if answers else _SILENCE).tobytes()))
    answer = await peer.answer(client.localDescription.sdp)
    await client.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await asyncio.sleep(WARM_UP_S)
    up_ms, down_ms = [], []
    for _ in range(BURSTS):
        # Speech is worked out at any time between two ticks of the pacer.
        await asyncio.sleep(BURST_GAP_S + random.uniform(0, FRAME_S))  # noqa: S311 (not a secret)
        up.heard.clear()
        down.heard.clear()
        speaker.due = True
        made_s = time.monotonic()
        answers.append(_BURST)
        await asyncio.wait_for(down.heard.wait(), 5)
        await asyncio.wait_for(up.heard.wait(), 5)
        down_ms.append((down.heard_s - made_s) * 1000)
        up_ms.append((up.heard_s - speaker.sent_s) * 1000)
    await client.close()
    await peer.aclose()
    print_table(
        ("delay in ms", "p50", "p95", "mean"),
        [
            ("up: packet sent to heard", *summary(up_ms)),
            ("down: made to received", *summary(down_ms)),
        ],
    )
    both = float(np.percentile(up_ms, 50) + np.percentile(down_ms, 50))
    met = "met" if both <= TARGET_DELAY_MS else "missed"
    print(f"both ways, median: {both:.0f} ms; target {TARGET_DELAY_MS:.0f}: {met}")


@click.command()
@click.option("--calls", default=16, show_default=True, help="At once.")
@click.option("--seconds", default=10.0, show_default=True, help="How long to measure.")
def main(*, calls: int, seconds: float) -> None:
    """Say what calls cost, and how much they delay speech."""
    uvloop.run(_cost(calls, seconds))
    uvloop.run(_delay())


if __name__ == "__main__":
    main()
