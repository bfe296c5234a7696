"""How soon does an answer stop when somebody speaks, and what else stops it?

While an answer plays, a caller begins to speak: measured is the time from the first audible sample
to the cancelled ``response.done`` at the client. Then other sounds are heard in place of speech,
none of which should stop anything. The voice detector is the embedded one; the answer is scripted,
since what it says makes no difference::

    python -m bench.barge_in
    python -m bench.barge_in --chunk-ms 100
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from antiphon.ask import WIRE_RATE_HZ
from antiphon.audio.formats import Floats
from bench.common import load_average, print_table, running_server, summary
from bench.interruptions import disturbances
from bench.microphone import Microphone
from bench.questions import spoken_questions

TARGET_P95_MS = 150
TARGET_FALSE_STOPS = 0.02

AUDIBLE = 0.01
"""Amplitude (-40 dBFS) from which a caller is heard to speak."""

LISTEN_S = 0.8
"""How long after a sound the answer may still stop because of it."""

PAUSE_S = 0.6
TURN_TIMEOUT_S = 30.0

_SCRIPT = """
[[answers]]
when = ""
steps = [{{ do = "say", text = "{words}", every_ms = 50 }}]
"""

_FLAGS = ("--transcriber", "scripted", "--language-model", "scripted", "--synthesizer", "scripted")


@click.command()
@click.option("--count", default=40, show_default=True, help="How many interruptions by speech.")
@click.option("--each", default=25, show_default=True, help="How many other sounds of each kind.")
@click.option("--chunk-ms", default=20, show_default=True, help="Length of the audio chunks.")
@click.option("--callers", default=4, show_default=True, help="Sessions at once.")
def main(*, count: int, each: int, chunk_ms: int, callers: int) -> None:
    """Interrupt answers, and disturb them."""
    speech = [question.samples for question in asyncio.run(spoken_questions(count))]
    sounds = disturbances(each)
    with TemporaryDirectory() as folder:
        script = Path(folder) / "script.toml"
        script.write_text(_SCRIPT.format(words="and so on " * 400))
        with running_server(*_FLAGS, "--script", str(script)) as server:
            before = load_average()
            stops_ms = asyncio.run(_interrupt_all(server.base_url, speech, chunk_ms, callers))
            others = [sound.samples for sound in sounds]
            false = asyncio.run(_interrupt_all(server.base_url, others, chunk_ms, callers))
    print(f"{before} at the start, {load_average()} at the end; chunks of {chunk_ms} ms\n")
    _report(stops_ms, [(sound.kind, stop) for sound, stop in zip(sounds, false, strict=True)])


async def _interrupt_all(
    base_url: str, sounds: Sequence[Floats], chunk_ms: int, callers: int
) -> list[float | None]:
    """Return when each sound stopped an answer, in ms after its onset; ``None`` if it did not."""
    per_caller = -(-len(sounds) // callers)
    async with AsyncOpenAI(base_url=base_url, api_key="none-needed") as client:
        shares = [sounds[start : start + per_caller] for start in range(0, len(sounds), per_caller)]
        results = await asyncio.gather(*(_call(client, some, chunk_ms) for some in shares))
    return [stop for caller in results for stop in caller]


async def _call(client: AsyncOpenAI, sounds: Sequence[Floats], chunk_ms: int) -> list[float | None]:
    async with client.realtime.connect(model="antiphon") as connection:
        await connection.session.update(
            session={
                "type": "realtime",
                "audio": {
                    "input": {"turn_detection": {"type": "server_vad", "create_response": False}}
                },
            }
        )
        microphone = Microphone(connection, chunk_ms)
        streaming = asyncio.create_task(microphone.run())
        try:
            return [await _interrupt(connection, microphone, sound) for sound in sounds]
        finally:
            streaming.cancel()


async def _interrupt(
    connection: AsyncRealtimeConnection, microphone: Microphone, sound: Floats
) -> float | None:
    await connection.response.create(response={"instructions": "Go on."})
    async with asyncio.timeout(TURN_TIMEOUT_S):
        await _until(connection, "response.output_audio.delta")
        saying = asyncio.create_task(_say(microphone, sound))
        stopped_at = None
        try:
            async with asyncio.timeout(PAUSE_S + len(sound) / WIRE_RATE_HZ + LISTEN_S):
                stopped_at = await _until(connection, "response.done")
        except TimeoutError:
            await connection.response.cancel()
            await _until(connection, "response.done")
        said_at = await saying
    if stopped_at is None:
        return None
    # The speaker has to be silent again before the next answer.
    async with asyncio.timeout(TURN_TIMEOUT_S):
        await _until(connection, "input_audio_buffer.speech_stopped")
    onset_s = float(np.flatnonzero(np.abs(sound) > AUDIBLE)[0]) / WIRE_RATE_HZ
    return (stopped_at - (said_at - _padded_s(sound, microphone)) - onset_s) * 1000


async def _say(microphone: Microphone, sound: Floats) -> float:
    await asyncio.sleep(PAUSE_S)
    return await microphone.say(sound)


def _padded_s(sound: Floats, microphone: Microphone) -> float:
    """Return how long a sound takes to send: in whole chunks."""
    chunks = -(-len(sound) // microphone.chunk_samples)
    return chunks * microphone.chunk_samples / WIRE_RATE_HZ


async def _until(connection: AsyncRealtimeConnection, kind: str) -> float:
    """Take events until one of that kind comes; return when it did."""
    async for event in connection:
        if event.type == "error":
            message = f"the server answered with an error: {event.error.message}"
            raise RuntimeError(message)
        if event.type == kind:
            return asyncio.get_running_loop().time()
    message = "the server closed the connection"
    raise RuntimeError(message)


def _report(stops_ms: Sequence[float | None], others: Sequence[tuple[str, float | None]]) -> None:
    heard_ms = [stop for stop in stops_ms if stop is not None]
    print(f"speech stopped {len(heard_ms)} of {len(stops_ms)} answers")
    print_table(("ms", "p50", "p95", "mean"), [("onset to stop", *summary(heard_ms))])
    print()
    rows: list[tuple[object, ...]] = []
    for kind in dict.fromkeys(kind for kind, _ in others):
        stops = [stop for other, stop in others if other == kind]
        rows.append((kind, len(stops), sum(stop is not None for stop in stops)))
    print_table(("other sounds", "heard", "false stops"), rows)
    false = sum(stop is not None for _, stop in others) / len(others)
    p95_ms = summary(heard_ms)[1]
    print(f"\np95 {p95_ms:.0f} ms; target {TARGET_P95_MS} ms: {_verdict(p95_ms <= TARGET_P95_MS)}")
    print(
        f"false stops {false:.1%}; target {TARGET_FALSE_STOPS:.0%}: "
        f"{_verdict(false <= TARGET_FALSE_STOPS)}"
    )


def _verdict(met: bool) -> str:  # noqa: FBT001 (the one thing it is about)
    return "met" if met else "missed"


if __name__ == "__main__":
    main()
