"""Conversations with the engines that a new installation has: is what is said any use?"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import anyio
import numpy as np
import soxr

from antiphon.ask import UNDERSTOOD, likeness, read_wav
from antiphon.audio.formats import to_floats, to_int16s
from antiphon.config import load_config
from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ, Transcript, TranscriptionRequest
from antiphon.engines.registry import load_engine
from antiphon.runtime.engine_set import EngineSet
from tests.support.client import Client, Frame, transcript_of
from tests.support.server import serving
from tests.support.sound import silence

QUESTION = to_int16s(read_wav(Path(__file__).parents[2] / "examples" / "question.wav")).tobytes()
"""Somebody asks for the capital of France; 24 kHz PCM."""

AUDIBLE_RMS = 0.01

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


async def ask_aloud(client: Client) -> Frame:
    """Speak the question, wait for the end of the answer and for the question's words."""
    await client.update(audio={"input": {"transcription": {"model": "default"}}})
    await client.append(QUESTION + silence(1_000))
    return await client.answer()


async def heard_back(engines: EngineSet, samples: Floats) -> str:
    """What the transcriber makes of an answer's samples at 24 kHz."""
    listened: Floats = soxr.resample(samples, 24_000, LISTENING_RATE_HZ)
    transcription = engines.transcriber.transcribe(listened, TranscriptionRequest())
    return [event.text async for event in transcription if isinstance(event, Transcript)][-1]


async def test_a_spoken_question_is_understood_and_answered_audibly_and_so_is_the_next(
    engines, server
):
    async with server.sdk() as client:
        response = await ask_aloud(client)
        (question,) = client.of("conversation.item.input_audio_transcription.completed")
        second = await client.ask("And of Italy?")
    assert words(question["transcript"]) == words("What is the capital of France?")
    assert response["status"] == "completed"
    answer = transcript_of(response)
    assert "Paris" in answer
    samples = to_floats(np.frombuffer(client.audio_of(response["id"]), "<i2"))
    assert np.sqrt(np.mean(samples**2)) > AUDIBLE_RMS
    heard = await heard_back(engines, samples)
    assert likeness(answer, heard) >= UNDERSTOOD
    assert "Rome" in transcript_of(second)
    usage = second["usage"]
    assert usage["input_token_details"]["cached_tokens"] > 0
    assert usage["output_token_details"]["audio_tokens"] > 0


async def test_a_forced_function_is_called_with_arguments_that_are_json(server):
    async with server.sdk() as client:
        await client.update(
            output_modalities=["text"],
            tools=[WEATHER],
            tool_choice={"type": "function", "name": "get_weather"},
        )
        response = await client.ask("What is the weather like in Oslo today?")
        (called,) = response["output"]
        await client.send(
            "conversation.item.create",
            item={
                "type": "function_call_output",
                "call_id": called["call_id"],
                "output": json.dumps({"sky": "rain", "temperature": "7 degrees"}),
            },
        )
        await client.send("response.create", response={"tool_choice": "none"})
        answer = await client.answer()
    assert (called["type"], called["name"]) == ("function_call", "get_weather")
    assert "Oslo" in json.loads(called["arguments"])["city"]
    assert "rain" in transcript_of(answer).lower()


async def test_a_question_interrupts_an_answer_and_is_answered_itself(server):
    async with server.sdk() as client:
        await client.write("Tell me a very long story about a fox, in twenty sentences.")
        await client.send("response.create", response={"instructions": "Tell long stories."})
        await client.until("response.output_audio.delta")
        interrupted = await ask_aloud(client)
        answer = await client.answer()
    assert interrupted["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert answer["status"] == "completed"
    assert "Paris" in transcript_of(answer)


async def test_a_question_that_is_over_by_its_sound_and_words_is_answered(server):
    """Well before the two seconds of silence that end any turn of the eager."""
    async with server.sdk() as client:
        detection = {"type": "semantic_vad", "eagerness": "high"}
        await client.update(
            output_modalities=["text"], audio={"input": {"turn_detection": detection}}
        )
        await client.append(QUESTION)
        await client.until("input_audio_buffer.speech_started")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stay_silent, client)
            stopped = await client.until("input_audio_buffer.speech_stopped")
            tasks.cancel_scope.cancel()
        response = await client.answer()
    assert stopped["audio_end_ms"] < len(QUESTION) / 48 + 1_500
    assert "Paris" in transcript_of(response)


async def stay_silent(client: Client) -> None:
    """Send silence as a microphone does."""
    while True:
        await client.append(silence(100))
        await anyio.sleep(0.1)


async def test_two_sessions_at_once_get_their_own_answers(server):
    answers: dict[str, Frame] = {}

    async def ask(question: str) -> None:
        async with server.sdk() as client:
            await client.update(output_modalities=["text"])
            answers[question] = await client.ask(question)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, "What is the capital of France?")
        tasks.start_soon(ask, "What is the capital of Japan?")
    assert "Paris" in transcript_of(answers["What is the capital of France?"])
    assert "Tokyo" in transcript_of(answers["What is the capital of Japan?"])


async def test_the_fast_model_answers_too(engines):
    fast = await load_engine("language_model", "fast", home=load_config().home, threads=2)
    try:
        async with (
            serving(replace(engines, language_model=fast)) as server,
            server.sdk() as client,
        ):
            response = await ask_aloud(client)
    finally:
        await fast.aclose()
    assert response["status"] == "completed"
    assert words(transcript_of(response))
