"""The server's side of ``bench/webrtc.py``, in a process of its own: calls without sessions.

Reads a line of JSON for each request and answers with one. What comes in is kept or thrown away;
what goes out is a recording, over and over, or silence.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

import msgspec
import uvloop

from antiphon.audio.formats import Floats
from antiphon.transports.webrtc.aiortc_peer import AiortcPeer
from antiphon.transports.webrtc.ice import IceSettings
from antiphon.transports.webrtc.pacer import Pacer
from antiphon.transports.webrtc.peer import FRAME_BYTES

__all__ = ["Reply", "Request"]


class Request(msgspec.Struct, frozen=True):
    """What is asked of this process.

    Attributes:
        offer: A client's offer, to be answered; ``None`` for the figures so far.
    """

    offer: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """What it answers.

    Attributes:
        answer: To the offer.
        processor_s: Processor time used so far.
        heard_s: Sound heard so far, over all calls.
        worst_lag_ms: Of the pacer, since the last time.
    """

    answer: str | None
    processor_s: float
    heard_s: float
    worst_lag_ms: float


class _Ear:
    def __init__(self) -> None:
        self.heard_samples = 0

    def on_audio(self, samples: Floats) -> None:
        self.heard_samples += len(samples)

    def on_message(self, text: str) -> None:
        pass

    def on_closed(self, reason: str) -> None:
        pass


def _say_next(peer: AiortcPeer, frames: Iterator[bytes]) -> None:
    peer.send_audio(next(frames))


async def _serve(pcm: bytes) -> None:
    pacer, ear = Pacer(), _Ear()
    frames = [pcm[i : i + FRAME_BYTES] for i in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]
    loop = asyncio.get_running_loop()
    decoder = msgspec.json.Decoder(Request)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = decoder.decode(line)
        answer = None
        if request.offer is not None:
            peer = AiortcPeer(IceSettings(with_loopback=True), ear)
            answer = await peer.answer(request.offer)
            speech = cycle(frames)
            pacer.join(partial(_say_next, peer, speech))
        reply = Reply(answer, time.process_time(), ear.heard_samples / 16_000, pacer.worst_lag_ms)
        pacer.worst_lag_ms = 0.0
        print(msgspec.json.encode(reply).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1]).read_bytes()))
