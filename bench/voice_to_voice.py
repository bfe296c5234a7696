"""How long does a caller wait for the voice of the answer, and what for?

Measured at a client of the official SDK that speaks at its own pace and goes on with silence: from
the last sample of speech sent to the first audio received. The server's timeline of the response
splits that time into the parts of the turn::

    python -m bench.voice_to_voice
    python -m bench.voice_to_voice --language-model fast --silence-ms 200
    python -m bench.voice_to_voice --url http://127.0.0.1:8000/v1
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import click
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from bench.common import engine_names, load_average, print_table, running_server, summary
from bench.microphone import Microphone
from bench.questions import Recording, spoken_questions

TARGET_MS = {None: 750, "fast": 450}
"""Median wait beyond the silence setting on two cores, by language model."""

TURN_TIMEOUT_S = 60.0
PAUSE_S = 0.5
"""Silence before a caller speaks: after connecting, and after an answer."""

_PARTS = {
    "recognition": ("turn_ended", "transcribed"),
    "first token": ("transcribed", "first_token"),
    "first clause": ("first_token", "first_segment"),
    "synthesis": ("first_segment", "first_audio"),
}
"""Parts of a turn, each from one moment of the server's timeline to another."""


@dataclass(frozen=True)
class Turn:
    """One question and its answer.

    Attributes:
        number: Place in its session, from 0.
        status: How the response ended.
        parts_ms: Where the time went; the parts add up to the caller's wait. Empty if there was
            nothing to be heard.
        cached_share: How much of the prompt came from the prefix cache.
    """

    number: int
    status: str
    parts_ms: dict[str, float]
    cached_share: float

    @property
    def wait_ms(self) -> float:
        """From the last sample of speech sent to the first audio received."""
        return sum(self.parts_ms.values())


@dataclass
class _Observed:
    """What the client saw of a turn; times by the loop's clock."""

    committed_at_s: float = 0.0
    first_audio_at_s: float | None = None


@click.command()
@click.option("--url", help="Base URL of a running server, instead of starting one.")
@click.option("--language-model", help="Of the server to start.")
@click.option("--silence-ms", default=500, show_default=True, help="Silence that ends a turn.")
@click.option("--count", default=40, show_default=True, help="How many questions.")
@click.option("--turns", default=4, show_default=True, help="Questions in one session.")
@click.option("--chunk-ms", default=20, show_default=True, help="Length of the audio chunks.")
def main(
    *,
    url: str | None,
    language_model: str | None,
    silence_ms: int,
    count: int,
    turns: int,
    chunk_ms: int,
) -> None:
    """Ask spoken questions and say where the time until the answer's voice goes."""
    questions = asyncio.run(spoken_questions(count))
    sessions = [questions[start : start + turns] for start in range(0, count, turns)]
    flags = ("--language-model", language_model) if language_model else ()
    with nullcontext() if url else running_server(*flags) as server:
        before = load_average()
        base_url = url or (server.base_url if server else "")
        asked = asyncio.run(_ask_all(base_url, sessions, silence_ms, chunk_ms))
    engines = "those of the server" if url else engine_names({"language_model": language_model})
    print(f"{count} questions, {turns} in a session; silence {silence_ms} ms, chunks {chunk_ms} ms")
    print(f"engines: {engines}")
    print(f"{before} at the start, {load_average()} at the end\n")
    _report(asked, silence_ms, None if url else TARGET_MS.get(language_model))


async def _ask_all(
    base_url: str, sessions: Sequence[Sequence[Recording]], silence_ms: int, chunk_ms: int
) -> list[Turn]:
    turns: list[Turn] = []
    async with AsyncOpenAI(base_url=base_url, api_key="none-needed") as client:
        for questions in sessions:
            async with client.realtime.connect(model="antiphon") as connection:
                turns += await converse(client, connection, questions, silence_ms, chunk_ms)
    return turns


async def converse(
    client: AsyncOpenAI,
    connection: AsyncRealtimeConnection,
    questions: Sequence[Recording],
    silence_ms: int,
    chunk_ms: int,
) -> list[Turn]:
    """Ask questions by voice, one after the other, each after the answer to the one before.

    Raises:
        RuntimeError: The server answered with an error, or closed the connection.
        TimeoutError: A turn took longer than ``TURN_TIMEOUT_S``.
    """
    await connection.session.update(
        session={
            "type": "realtime",
            "audio": {
                "input": {
                    "turn_detection": {"type": "server_vad", "silence_duration_ms": silence_ms}
                }
            },
        }
    )
    microphone = Microphone(connection, chunk_ms)
    streaming = asyncio.create_task(microphone.run())
    turns: list[Turn] = []
    try:
        for number, question in enumerate(questions):
            await asyncio.sleep(PAUSE_S)
            async with asyncio.timeout(TURN_TIMEOUT_S):
                turns.append(await _ask(client, connection, microphone, question, number))
    finally:
        streaming.cancel()
    return turns


async def _ask(
    client: AsyncOpenAI,
    connection: AsyncRealtimeConnection,
    microphone: Microphone,
    question: Recording,
    number: int,
) -> Turn:
    saying = asyncio.create_task(microphone.say(question.samples))
    observed, response = await _listen(connection, saying)
    prompt = response.usage.input_token_details
    parts_ms: dict[str, float] = {}
    if observed.first_audio_at_s is not None:
        timeline = await client.get(
            f"/antiphon/timelines/{response.id}", cast_to=dict[str, dict[str, float]]
        )
        parts_ms = _parts_ms(timeline["moments_ms"], await saying, observed)
    # Audio tokens are a matter of usage; the language model reads words.
    cached_share = prompt.cached_tokens / prompt.text_tokens if prompt.text_tokens else 0.0
    return Turn(number, response.status, parts_ms, cached_share)


async def _listen(
    connection: AsyncRealtimeConnection, saying: asyncio.Task[float]
) -> tuple[_Observed, Any]:
    """Take events until the response to the whole question is done."""
    loop = asyncio.get_running_loop()
    observed = _Observed()
    async for event in connection:
        match event.type:
            case "error":
                message = f"the server answered with an error: {event.error.message}"
                raise RuntimeError(message)
            case "input_audio_buffer.committed":
                observed = _Observed(loop.time())
            case "response.output_audio.delta" if observed.first_audio_at_s is None:
                observed.first_audio_at_s = loop.time()
            case "response.done" if saying.done():  # else the question has a pause, and goes on
                return observed, event.response
    message = "the server closed the connection"
    raise RuntimeError(message)


def _parts_ms(
    moments_ms: dict[str, float], last_sent_at_s: float, observed: _Observed
) -> dict[str, float]:
    """Split the caller's wait.

    The two clocks meet at the end of the turn, of which the client is told at once. What the
    server's timeline does not cover is the way of the audio to the client.
    """
    assert observed.first_audio_at_s is not None
    parts = {"turn wait": (observed.committed_at_s - last_sent_at_s) * 1000}
    for part, (begin, end) in _PARTS.items():
        parts[part] = moments_ms[end] - moments_ms[begin]
    wait_ms = (observed.first_audio_at_s - last_sent_at_s) * 1000
    return parts | {"delivery": wait_ms - sum(parts.values())}


def _report(turns: Sequence[Turn], silence_ms: int, target_ms: int | None) -> None:
    heard = [turn for turn in turns if turn.parts_ms]
    completed = sum(turn.status == "completed" for turn in heard)
    print(f"completed and heard: {completed} of {len(turns)} ({completed / len(turns):.0%})\n")
    rows: list[tuple[object, ...]] = [
        (part, *summary([turn.parts_ms[part] for turn in heard])) for part in heard[0].parts_ms
    ]
    rows.append(("voice to voice", *summary([turn.wait_ms for turn in heard])))
    first = [turn for turn in heard if turn.number == 0]
    later = [turn for turn in heard if turn.number > 0]
    for name, some in (("  first turns", first), ("  later turns", later)):
        if some:
            rows.append((name, *summary([turn.wait_ms for turn in some])))
    print_table(("ms", "p50", "p95", "mean"), rows)
    for name, some in (("first", first), ("later", later)):
        if some:
            share = sum(turn.cached_share for turn in some) / len(some)
            print(f"prompt from the cache, {name} turns: {share:.0%}")
    if target_ms is not None:
        beyond_ms = summary([turn.wait_ms for turn in heard])[0] - silence_ms
        verdict = "met" if beyond_ms <= target_ms else "missed"
        print(f"\nmedian beyond the silence: {beyond_ms:.0f} ms; target {target_ms} ms: {verdict}")


if __name__ == "__main__":
    main()
