"""The OpenAI Agents SDK for Python holds the conversation of ``tests/clients/story.py``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from agents import function_tool, set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession, RealtimeSessionEvent

from tests.clients.telling import (
    PLAYED_MS,
    QUESTION,
    SILENCE,
    SPEECH,
    WEATHER,
    duration_s,
    run,
    tell,
)


@function_tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    tell("tool called", city=city)
    return WEATHER


async def converse(url: str) -> None:
    set_tracing_disabled(True)
    agent = RealtimeAgent(name="Forecaster", instructions="Be brief.", tools=[get_weather])
    runner = RealtimeRunner(agent)  # with everything as the SDK has it by default
    address = f"ws{url.removeprefix('http')}/v1/realtime?model=antiphon"
    async with await runner.run(model_config={"url": address, "api_key": "any"}) as session:
        events = follow(session)
        await session.send_message(QUESTION)
        answer_s = await listen_to_answer(events)
        await asyncio.sleep(answer_s)  # while the answer is played
        await session.send_audio(SPEECH + SILENCE)
        await listen_for(events, PLAYED_MS / 1000)
        await session.send_audio(SPEECH)
        await until_interrupted(events)
        await session.send_audio(SILENCE)
        await listen_to_answer(events)


async def follow(session: RealtimeSession) -> AsyncIterator[RealtimeSessionEvent]:
    """Pass the session's events on, and tell those that may come at any time."""
    async for event in session:
        if event.type == "error":
            tell("error", error=str(event.error))
        elif event.type == "raw_model_event":
            if event.data.type == "input_audio_transcription_completed":
                tell("heard", text=event.data.transcript)
            elif event.data.type == "exception":
                tell("error", error=str(event.data.exception))
        yield event


async def listen_to_answer(events: AsyncIterator[RealtimeSessionEvent]) -> float:
    """Tell the words of the next answer that has any, and return the seconds of its speech."""
    words, spoken_s = "", 0.0
    async for event in events:
        if event.type == "audio":
            spoken_s += duration_s(event.audio.data)
        elif event.type == "raw_model_event" and event.data.type == "transcript_delta":
            words += event.data.delta
        elif event.type == "agent_end" and words:
            tell("answer", text=words)
            break
    return spoken_s


async def listen_for(events: AsyncIterator[RealtimeSessionEvent], seconds: float) -> None:
    async for event in events:
        if event.type == "audio":
            seconds -= duration_s(event.audio.data)
            if seconds <= 0:
                break


async def until_interrupted(events: AsyncIterator[RealtimeSessionEvent]) -> None:
    async for event in events:
        if event.type == "audio_interrupted":
            tell("interrupted")
            break


if __name__ == "__main__":
    run(converse)
