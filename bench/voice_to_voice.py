"""How long does a caller wait for the voice of the answer, and what for?

Measured at a client of the official SDK that speaks at its own pace and goes on with silence: from
the last sample of speech sent to the first audio received. The server's timeline of the response
says what happened in between, part of it before the turn was confirmed::

    python -m bench.voice_to_voice
    python -m bench.voice_to_voice --language-model fast --silence-ms 200
    python -m bench.voice_to_voice --eagerness high
    python -m bench.voice_to_voice --speculation off
    python -m bench.voice_to_voice --url http://127.0.0.1:8000/v1
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import click
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from antiphon.ask import WIRE_RATE_HZ
from bench.common import engine_names, load_average, print_table, running_server, summary
from bench.microphone import Microphone
from bench.questions import Recording, spoken_questions

TARGETS_MS = {None: (650, 1000, 150), "fast": (540, 800, 40)}
"""On two cores with 500 ms of silence, by language model: median and 95th percentile of the wait,
and the median of what of it is left once the turn is confirmed."""

TURN_TIMEOUT_S = 60.0
Detection = dict[str, Any]
"""The session's ``turn_detection``."""

PAUSE_S = 0.5
"""Silence before a caller speaks: after connecting, and after an answer."""

_MOMENTS = {
    "transcribed": "words known",
    "prompt_read": "prompt read",
    "first_token": "first token",
    "first_segment": "first clause",
    "first_audio": "first audio made",
    "turn_ended": "turn confirmed",
}
"""Moments of the server's timeline; all but the last come before it if the guess was right."""


@dataclass(frozen=True)
class Turn:
    """One question and its answer.

    Attributes:
        number: Place in its session, from 0.
        status: How the response ended.
        moments_ms: When things happened, since the last sample of speech was sent. Empty if there
            was nothing to be heard.
        wait_ms: When the first audio was received.
        guessed: Whether the answer was worked out ahead, and used.
        cached_share: How much of the prompt came from the prefix cache.
    """

    number: int
    status: str
    moments_ms: dict[str, float]
    wait_ms: float
    guessed: bool
    cached_share: float

    @property
    def heard(self) -> bool:
        """Whether there was anything to be heard."""
        return bool(self.moments_ms)


@dataclass
class _Observed:
    """What the client saw of a turn; times by the loop's clock."""

    committed_at_s: float = 0.0
    first_audio_at_s: float | None = None
    audio_s: float = 0.0

    @property
    def heard_out_at_s(self) -> float:
        """When a caller who plays the answer has heard all of it."""
        return (self.first_audio_at_s or 0.0) + self.audio_s


@click.command()
@click.option("--url", help="Base URL of a running server, instead of starting one.")
@click.option("--language-model", help="Of the server to start.")
@click.option(
    "--speculation",
    type=click.Choice(["off", "words", "answers"]),
    default="answers",
    show_default=True,
    help="Of the server to start.",
)
@click.option(
    "--eagerness",
    type=click.Choice(["low", "medium", "high"]),
    help="Use semantic_vad, this eager, instead of silence.",
)
@click.option("--silence-ms", default=500, show_default=True, help="Silence that ends a turn.")
@click.option("--count", default=40, show_default=True, help="How many questions.")
@click.option("--turns", default=4, show_default=True, help="Questions in one session.")
@click.option("--chunk-ms", default=20, show_default=True, help="Length of the audio chunks.")
def main(
    *,
    url: str | None,
    language_model: str | None,
    speculation: str,
    eagerness: str | None,
    silence_ms: int,
    count: int,
    turns: int,
    chunk_ms: int,
) -> None:
    """Ask spoken questions and say where the time until the answer's voice goes."""
    questions = asyncio.run(spoken_questions(count))
    sessions = [questions[start : start + turns] for start in range(0, count, turns)]
    flags = ["--speculation", speculation]
    if language_model:
        flags += ["--language-model", language_model]
    detection = turn_detection(silence_ms, eagerness)
    with nullcontext() if url else running_server(*flags) as server:
        before = load_average()
        base_url = url or (server.base_url if server else "")
        asked = asyncio.run(_ask_all(base_url, sessions, detection, chunk_ms))
    engines = "those of the server" if url else engine_names({"language_model": language_model})
    print(f"{count} questions, {turns} in a session; chunks of {chunk_ms} ms; {detection}")
    print(f"engines: {engines}")
    print(f"{before} at the start, {load_average()} at the end\n")
    is_as_targeted = not url and silence_ms == 500 and not eagerness
    _report(asked, TARGETS_MS.get(language_model) if is_as_targeted else None)


async def _ask_all(
    base_url: str, sessions: Sequence[Sequence[Recording]], detection: Detection, chunk_ms: int
) -> list[Turn]:
    turns: list[Turn] = []
    async with AsyncOpenAI(base_url=base_url, api_key="none-needed") as client:
        for questions in sessions:
            async with client.realtime.connect(model="antiphon") as connection:
                turns += await converse(client, connection, questions, detection, chunk_ms)
    return turns


async def converse(
    client: AsyncOpenAI,
    connection: AsyncRealtimeConnection,
    questions: Sequence[Recording],
    detection: Detection,
    chunk_ms: int,
    *,
    hears_out: bool = False,
) -> list[Turn]:
    """Ask questions by voice, one after the other, each after the answer to the one before.

    Args:
        client: Asks for timelines.
        connection: A session that has just been opened.
        questions: What to ask.
        detection: The session's settings.
        chunk_ms: Length of the audio chunks.
        hears_out: Whether the caller plays each answer before asking on, as people do.

    Raises:
        RuntimeError: The server answered with an error, or closed the connection.
        TimeoutError: A turn took longer than ``TURN_TIMEOUT_S``.
    """
    await connection.session.update(
        session={"type": "realtime", "audio": {"input": {"turn_detection": detection}}},  # type: ignore[misc, arg-type]  # of one kind or the other
    )
    microphone = Microphone(connection, chunk_ms)
    streaming = asyncio.create_task(microphone.run())
    turns: list[Turn] = []
    try:
        for number, question in enumerate(questions):
            await asyncio.sleep(PAUSE_S)
            async with asyncio.timeout(TURN_TIMEOUT_S):
                turn, over_at_s = await _ask(client, connection, microphone, question, number)
            turns.append(turn)
            if hears_out:
                await asyncio.sleep(over_at_s - asyncio.get_running_loop().time())
    finally:
        streaming.cancel()
    return turns


async def _ask(
    client: AsyncOpenAI,
    connection: AsyncRealtimeConnection,
    microphone: Microphone,
    question: Recording,
    number: int,
) -> tuple[Turn, float]:
    """Ask one question; return when the answer has been heard out as well."""
    saying = asyncio.create_task(microphone.say(question.samples))
    observed, response = await _listen(connection, saying)
    prompt = response.usage.input_token_details
    moments_ms: dict[str, float] = {}
    wait_ms = 0.0
    if observed.first_audio_at_s is not None:
        said_at_s = await saying
        wait_ms = (observed.first_audio_at_s - said_at_s) * 1000
        timeline = await client.get(
            f"/antiphon/timelines/{response.id}", cast_to=dict[str, dict[str, float]]
        )
        moments_ms = timeline["moments_ms"]
        # The two clocks meet at the end of the turn, of which the client is told at once.
        since_ms = (observed.committed_at_s - said_at_s) * 1000 - moments_ms["turn_ended"]
        moments_ms = {moment: at_ms + since_ms for moment, at_ms in moments_ms.items()}
    guessed = "guessed" in moments_ms and "guess_dropped" not in moments_ms
    # Audio tokens are a matter of usage; the language model reads words.
    cached_share = prompt.cached_tokens / prompt.text_tokens if prompt.text_tokens else 0.0
    turn = Turn(number, response.status, moments_ms, wait_ms, guessed, cached_share)
    return turn, observed.heard_out_at_s


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
            case "response.output_audio.delta":
                observed.first_audio_at_s = observed.first_audio_at_s or loop.time()
                observed.audio_s += len(base64.b64decode(event.delta)) / 2 / WIRE_RATE_HZ
            case "response.done" if saying.done():  # else the question has a pause, and goes on
                return observed, event.response
    message = "the server closed the connection"
    raise RuntimeError(message)


def turn_detection(silence_ms: int, eagerness: str | None) -> Detection:
    """Return the settings: ``semantic_vad`` if an eagerness is given, else ``server_vad``."""
    if eagerness is not None:
        return {"type": "semantic_vad", "eagerness": eagerness}
    return {"type": "server_vad", "silence_duration_ms": silence_ms}


def _report(turns: Sequence[Turn], targets_ms: tuple[int, int, int] | None) -> None:
    heard = [turn for turn in turns if turn.heard]
    completed = sum(turn.status == "completed" for turn in heard)
    print(f"completed and heard: {completed} of {len(turns)} ({completed / len(turns):.0%})")
    used = sum(turn.guessed for turn in heard)
    print(f"worked out ahead and used: {used} of {len(heard)}\n")
    rows: list[tuple[object, ...]] = []
    for moment, name in _MOMENTS.items():
        known = [turn.moments_ms[moment] for turn in heard if moment in turn.moments_ms]
        if known:
            rows.append((name, *summary(known)))
    rows.append(("voice to voice", *summary([turn.wait_ms for turn in heard])))
    first = [turn for turn in heard if turn.number == 0]
    later = [turn for turn in heard if turn.number > 0]
    for name, some in (("  first turns", first), ("  later turns", later)):
        if some:
            rows.append((name, *summary([turn.wait_ms for turn in some])))
    left_ms = [turn.wait_ms - turn.moments_ms["turn_ended"] for turn in heard]
    rows.append(("left after the turn", *summary(left_ms)))
    print_table(("ms since the last word", "p50", "p95", "mean"), rows)
    for name, some in (("first", first), ("later", later)):
        if some:
            share = sum(turn.cached_share for turn in some) / len(some)
            print(f"prompt from the cache, {name} turns: {share:.0%}")
    if targets_ms is not None:
        p50_ms, p95_ms, _ = summary([turn.wait_ms for turn in heard])
        reached_ms = (p50_ms, p95_ms, summary(left_ms)[0])
        print()
        for name, reached, target in zip(
            ("p50", "p95", "left, p50"), reached_ms, targets_ms, strict=True
        ):
            verdict = "met" if reached <= target else "missed"
            print(f"{name}: {reached:.0f} ms; target {target} ms: {verdict}")


if __name__ == "__main__":
    main()
