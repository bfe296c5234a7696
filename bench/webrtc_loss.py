"""Is speech understood that lost packets on its way?

Spoken questions are encoded as a browser does it, packets are lost and delayed by a seed, and what
a call makes of the rest is transcribed. The way is played, not walked: packets are handed to the
receiving side at the times at which they would have come, so that hours of speech take minutes.

    python -m bench.webrtc_loss
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import click
import numpy as np

from antiphon.audio.formats import Floats, to_int16s
from antiphon.engines.hearing import Transcriber, Transcript, TranscriptionRequest
from antiphon.engines.registry import load_engine
from antiphon.transports.webrtc.encodings import OPUS, PCMU, Encoding
from antiphon.transports.webrtc.offer import Direction, OfferedAudio
from antiphon.transports.webrtc.peer import FRAME_BYTES, FRAME_MS
from antiphon.transports.webrtc.rtp import rtp_packet
from antiphon.transports.webrtc.speech import Speech
from bench.common import print_table
from bench.questions import spoken_questions
from bench.words import normalized, word_errors

FRAME_S = FRAME_MS / 1000
AFTERWARDS_S = 0.5


@dataclass(frozen=True)
class Way:
    """What becomes of packets between client and server.

    Attributes:
        name: For the table.
        encoding: How speech is encoded.
        loss: Share of packets that are lost, each by itself.
        jitter_s: Each packet is delayed by up to twice as much, evenly spread, so that they
            overtake each other: what ``netem delay 100ms 40ms`` does with 0.04.
        prepared_percent: Loss that the encoder prepares for.
    """

    name: str
    encoding: Encoding = OPUS
    loss: float = 0.0
    jitter_s: float = 0.0
    prepared_percent: int = 5


WAYS = (
    Way("no loss"),
    Way("5 % loss", loss=0.05),
    Way("5 % loss, 40 ms jitter", loss=0.05, jitter_s=0.04),
    Way("… without redundancy", loss=0.05, jitter_s=0.04, prepared_percent=0),
    Way("10 % loss, 40 ms jitter", loss=0.1, jitter_s=0.04, prepared_percent=10),
    Way("G.711, no loss", PCMU),
    Way("G.711, 5 % loss, 40 ms jitter", PCMU, loss=0.05, jitter_s=0.04),
)


@click.command()
@click.option("--count", default=40, show_default=True, help="How many questions.")
@click.option("--seeds", default=3, show_default=True, help="Times that each lossy way is played.")
def main(*, count: int, seeds: int) -> None:
    """Say how many words are understood wrongly, by what happens on the way."""
    asyncio.run(_measure(count, seeds))


async def _measure(count: int, seeds: int) -> None:
    questions = await spoken_questions(count)
    transcriber = cast("Transcriber", await load_engine("transcriber"))
    rows = []
    try:
        for way in WAYS:
            words = errors = 0
            for seed in range(seeds if way.loss else 1):
                for index, question in enumerate(questions):
                    heard = travelled(question.samples, way, seed=1000 * seed + index)
                    said = normalized(question.text)
                    errors += word_errors(said, normalized(await _words(transcriber, heard)))
                    words += len(said)
            rows.append((way.name, words, errors, f"{errors / words:.1%}"))
    finally:
        await transcriber.aclose()
    print(f"{transcriber.info.name}, {count} questions\n")
    print_table(("way", "words", "errors", "WER"), rows)


def travelled(samples: Floats, way: Way, seed: int) -> Floats:
    """Return speech as it is heard after a way.

    Args:
        samples: Shape (n,), float32 at 24 kHz.
        way: What becomes of its packets.
        seed: Chooses which.

    Returns:
        Shape (m,), float32 at 16 kHz.
    """
    heard: list[Floats] = []
    audio = OfferedAudio("0", Direction.SENDRECV, {96: way.encoding})
    speech = Speech(audio, lambda _packet: None, heard.append)
    arrivals = sorted(_arrivals(samples, way, random.Random(seed)))  # noqa: S311 (a simulation)
    now_s, silence = 0.0, bytes(FRAME_BYTES)
    end_s = len(samples) / 24_000 + AFTERWARDS_S
    while now_s < end_s:
        while arrivals and arrivals[0][0] <= now_s:
            arrived_s, packet = arrivals.pop(0)
            speech.receive(packet, arrived_s)
        speech.send(silence, now_s)
        now_s += FRAME_S
    return np.concatenate([np.zeros(0, np.float32), *heard])


def _arrivals(samples: Floats, way: Way, chance: random.Random) -> Iterator[tuple[float, bytes]]:
    encoder = way.encoding.encoder()
    encoder.expect_loss(way.prepared_percent)
    pcm = to_int16s(samples).tobytes()
    ticks = way.encoding.clock_hz * FRAME_MS // 1000
    for index in range(len(pcm) // FRAME_BYTES):
        payload = encoder.encode(pcm[index * FRAME_BYTES : (index + 1) * FRAME_BYTES])
        packet = rtp_packet(
            payload,
            payload_type=96,
            sequence=index,
            timestamp=index * ticks,
            source=1,
            marked=index == 0,
        )
        if index == 0 or chance.random() >= way.loss:
            yield index * FRAME_S + chance.uniform(0, 2 * way.jitter_s), packet


async def _words(transcriber: Transcriber, speech: Floats) -> str:
    async with aclosing(transcriber.transcribe(speech, TranscriptionRequest())) as events:
        heard: Sequence[str] = [
            event.text async for event in events if isinstance(event, Transcript)
        ]
    return " ".join(heard)


if __name__ == "__main__":
    main()
