"""How long do callers wait when several of them talk at once?

Each caller asks its questions by voice, one after the other, and hears every answer out before it
goes on. All callers share one server with the embedded engines::

    python -m bench.talkers
    python -m bench.talkers --talkers 8 --language-model fast
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click
from openai import AsyncOpenAI

from bench.common import engine_names, load_average, print_table, running_server, summary
from bench.questions import Recording, spoken_questions
from bench.voice_to_voice import Detection, Turn, converse, turn_detection

TARGET_TALKERS = 4
TARGET_P95_MS = 1500

STAGGER_S = 0.7
"""Callers begin one after the other, so that they do not all ask at the same moment."""


@click.command()
@click.option(
    "--talkers", "counts", multiple=True, type=click.IntRange(1), help="How many; repeatable."
)
@click.option("--language-model", help="Of the server to start.")
@click.option("--questions", default=5, show_default=True, help="Questions of each caller.")
@click.option("--silence-ms", default=500, show_default=True, help="Silence that ends a turn.")
@click.option("--chunk-ms", default=20, show_default=True, help="Length of the audio chunks.")
def main(
    *,
    counts: tuple[int, ...],
    language_model: str | None,
    questions: int,
    silence_ms: int,
    chunk_ms: int,
) -> None:
    """Let several callers talk at once, and say how long each waits for its answers."""
    counts = counts or (1, 2, 4)
    recordings = asyncio.run(spoken_questions(questions * max(counts)))
    flags = ("--language-model", language_model) if language_model else ()
    rows: list[tuple[object, ...]] = []
    with running_server(*flags) as server:
        before = load_average()
        for count in counts:
            shares = [recordings[caller::count][:questions] for caller in range(count)]
            detection = turn_detection(silence_ms, None)
            turns = asyncio.run(_talk(server.base_url, shares, detection, chunk_ms))
            waits_ms = [turn.wait_ms for turn in turns if turn.heard]
            p50_ms, p95_ms, mean_ms = summary(waits_ms)
            answered = sum(turn.status == "completed" and turn.heard for turn in turns)
            rows.append((count, f"{answered} of {len(turns)}", p50_ms, p95_ms, mean_ms))
            if count == TARGET_TALKERS:
                verdict = "met" if p95_ms <= TARGET_P95_MS else "missed"
                print(f"p95 with {count}: {p95_ms:.0f} ms; target {TARGET_P95_MS} ms: {verdict}")
    print(f"engines: {engine_names({'language_model': language_model})}")
    print(f"{before} at the start, {load_average()} at the end\n")
    print_table(("talkers", "answered", "p50 ms", "p95 ms", "mean ms"), rows)


async def _talk(
    base_url: str, shares: Sequence[Sequence[Recording]], detection: Detection, chunk_ms: int
) -> list[Turn]:
    async with AsyncOpenAI(base_url=base_url, api_key="none-needed") as client:

        async def caller(number: int, questions: Sequence[Recording]) -> list[Turn]:
            await asyncio.sleep(number * STAGGER_S)
            async with client.realtime.connect(model="antiphon") as connection:
                return await converse(
                    client, connection, questions, detection, chunk_ms, hears_out=True
                )

        talks = await asyncio.gather(
            *(caller(number, questions) for number, questions in enumerate(shares))
        )
    return [turn for turns in talks for turn in turns]


if __name__ == "__main__":
    main()
