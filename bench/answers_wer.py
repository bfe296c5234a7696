"""Can the answers be understood?

Asks questions in writing, has them answered aloud, and has the embedded transcriber write down the
speech that arrived at the client. The word error rate is taken over all answers together, against
the transcript that came with the speech; ``bench/words.py`` states what counts as the same word::

    python -m bench.answers_wer
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import aclosing
from typing import cast

import click
import numpy as np
import soxr
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from antiphon.ask import WIRE_RATE_HZ
from antiphon.audio.formats import Floats, to_floats
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    Transcriber,
    Transcript,
    TranscriptionRequest,
)
from antiphon.engines.registry import load_engine
from bench.common import engine_names, running_server
from bench.questions import QUESTIONS
from bench.words import normalized, word_errors

TARGET = 0.05
ANSWER_TIMEOUT_S = 60.0


@click.command()
@click.option("--language-model", help="Of the server to start.")
@click.option("--count", default=20, show_default=True, help="How many questions.")
def main(*, language_model: str | None, count: int) -> None:
    """Say how many words of the answers' speech are understood wrongly."""
    flags = ("--language-model", language_model) if language_model else ()
    with running_server(*flags) as server:
        answers = asyncio.run(_ask_all(server.base_url, QUESTIONS[:count]))
    transcripts = asyncio.run(_transcribe([speech for _, speech in answers]))
    words = errors = 0
    for (said, _), heard in zip(answers, transcripts, strict=True):
        wrong = word_errors(normalized(said), normalized(heard))
        words += len(normalized(said))
        errors += wrong
        if wrong:
            print(f"{wrong} wrong\n  said:  {said}\n  heard: {heard}")
    rate = errors / words
    verdict = "met" if rate <= TARGET else "missed"
    print(f"\nengines: {engine_names({'language_model': language_model})}")
    print(f"{count} answers, {words} words, {errors} errors")
    print(f"word error rate: {rate:.1%}; target {TARGET:.0%}: {verdict}")


async def _ask_all(base_url: str, questions: tuple[str, ...]) -> list[tuple[str, Floats]]:
    answers: list[tuple[str, Floats]] = []
    async with AsyncOpenAI(base_url=base_url, api_key="none-needed") as client:
        for question in questions:
            async with (
                asyncio.timeout(ANSWER_TIMEOUT_S),
                client.realtime.connect(model="antiphon") as connection,
            ):
                answers.append(await _ask(connection, question))
    return answers


async def _ask(connection: AsyncRealtimeConnection, question: str) -> tuple[str, Floats]:
    """Return an answer's transcript and its speech: shape (n,), float32 at 16 kHz."""
    await connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": question}],
        }
    )
    await connection.response.create()
    said, pcm = "", bytearray()
    async for event in connection:
        match event.type:
            case "error":
                message = f"the server answered with an error: {event.error.message}"
                raise RuntimeError(message)
            case "response.output_audio.delta":
                pcm += base64.b64decode(event.delta)
            case "response.output_audio_transcript.done":
                said = event.transcript
            case "response.done":
                break
    samples = to_floats(np.frombuffer(bytes(pcm), np.dtype("<i2")))
    return said, soxr.resample(samples, WIRE_RATE_HZ, LISTENING_RATE_HZ)


async def _transcribe(speeches: list[Floats]) -> list[str]:
    transcriber = cast("Transcriber", await load_engine("transcriber"))
    heard: list[str] = []
    try:
        for speech in speeches:
            async with aclosing(transcriber.transcribe(speech, TranscriptionRequest())) as events:
                heard += [event.text async for event in events if isinstance(event, Transcript)]
    finally:
        await transcriber.aclose()
    return heard


if __name__ == "__main__":
    main()
