"""A mistake in one session ends that session, if anything, and no other one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from antiphon.engines.base import Floats
from antiphon.engines.hearing import TranscriptEvent, TranscriptionRequest
from antiphon.engines.scripted.hearing import ScriptedTranscriber, ScriptedVoiceDetector
from antiphon.engines.scripted.script import Script
from antiphon.engines.scripted.speaking import ScriptedSynthesizer
from antiphon.engines.scripted.thinking import ScriptedLanguageModel
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.thinking import GenerationEvent, GenerationRequest
from antiphon.runtime.host import Host
from antiphon.runtime.hosts import SERVER_FAILED
from antiphon.runtime.observers import OpenedSession, SessionObserver
from tests.support.cast import Cast, make_cast
from tests.support.memory import MemoryClient, Room, open_room
from tests.support.sound import silence, speech

TURN = speech(700) + silence(1_500)
BAD = "trouble"
"""What makes the engines of this test fail, wherever they find it."""

UNSPEAKABLE = "brrr"
"""What the synthesizer cannot say."""


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


class MistakeError(ValueError):
    """Somebody's mistake."""


def fail(*_: object, **__: object) -> Any:
    raise MistakeError


# --- the engines ----------------------------------------------------------------------------------


class BadTranscriber(ScriptedTranscriber):
    async def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        if request.prompt == BAD:
            raise MistakeError
        async for event in super().transcribe(audio, request):
            yield event


class BadLanguageModel(ScriptedLanguageModel):
    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        if any(BAD in message.text for message in request.messages):
            raise MistakeError
        async for event in super().generate(request):
            yield event


class BadSynthesizer(ScriptedSynthesizer):
    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        if UNSPEAKABLE in request.text:
            raise MistakeError
        async for chunk in super().synthesize(request):
            yield chunk


class BadDetector(ScriptedVoiceDetector):
    """Fails at what is louder than anybody speaks, together with the frames of all others."""

    def step(
        self, frames: Floats, states: Sequence[NDArray[np.float32]]
    ) -> tuple[Floats, list[NDArray[np.float32]]]:
        if np.abs(frames).max() > 0.99:
            raise MistakeError
        return super().step(frames, states)


def bad_cast() -> Cast:
    cast, script = make_cast(), Script()
    return replace(
        cast,
        transcriber=BadTranscriber(cast.transcriber.info, script),
        language_model=BadLanguageModel(cast.language_model.info, script),
        synthesizer=BadSynthesizer(cast.synthesizer.info, script),
        voice_detector=BadDetector(cast.voice_detector.info, script, "detect"),
    )


async def say_what_cannot_be_transcribed(client: MemoryClient) -> None:
    transcription = {"model": "whisper-1", "prompt": BAD}
    await client.update(audio={"input": {"transcription": transcription}})
    await client.append(TURN)


async def ask_what_cannot_be_answered(client: MemoryClient) -> None:
    await client.write(BAD)
    await client.send("response.create", response={"output_modalities": ["text"]})


async def ask_what_cannot_be_spoken(client: MemoryClient) -> None:
    await client.write(f"Please say: {UNSPEAKABLE}")
    await client.send("response.create")


async def shout(client: MemoryClient) -> None:
    await client.append(b"\xff\x7f" * 24_000)


# --- the session itself ---------------------------------------------------------------------------


def host_of(room: Room, client: MemoryClient) -> Host:
    (live,) = (
        one for one in room.reception.live if one.opened.id == client.frames[0]["session"]["id"]
    )
    assert isinstance(live.host, Host)
    return live.host


Sabotage = Callable[[Room, MemoryClient], object]
"""Has something in the session of a client fail from now on."""


def core(verb: str) -> Sabotage:
    return lambda room, client: setattr(host_of(room, client)._session, verb, fail)


def encoding(room: Room, client: MemoryClient) -> None:
    host_of(room, client)._send = fail  # type: ignore[method-assign]


IN_THE_SESSION: dict[str, Sabotage] = {
    "core, taking an event": core("receive"),
    "core, taking a signal": core("feed"),
    "core, drained": core("drain"),
    "core, asked for its deadline": core("deadline"),
    "host, sending": encoding,
}


async def others_go_on(room: Room, others: Sequence[MemoryClient]) -> None:
    """Check that each of the other sessions hears, answers and speaks as ever."""
    for other in others:
        assert other.closed is None
        assert (await other.ask("Still there?"))["status"] == "completed"
        await other.append(TURN)
        assert (await other.answer())["status"] == "completed"
    assert len(room.reception.live) == room.reception.open_sessions == len(others)


@pytest.mark.parametrize("name", IN_THE_SESSION)
async def test_a_mistake_in_a_session_ends_it_alone(name, caplog):
    async with open_room() as room:
        victim, *others = [await room.enter() for _ in range(3)]
        IN_THE_SESSION[name](room, victim)
        await victim.append(TURN)
        await victim.send("response.create")
        await victim.over.wait()
        assert victim.closed is not None
        assert victim.closed[0] == SERVER_FAILED[0]
        assert caplog.records
        await others_go_on(room, others)


BY_ENGINES = {
    "transcriber": say_what_cannot_be_transcribed,
    "language model": ask_what_cannot_be_answered,
    "synthesizer": ask_what_cannot_be_spoken,
    "voice detector": shout,
}


@pytest.mark.parametrize("name", BY_ENGINES)
async def test_an_engine_that_fails_for_one_session_fails_for_it_alone(name):
    async with open_room(cast=bad_cast()) as room:
        victim, *others = [await room.enter() for _ in range(3)]
        await asyncio.gather(*(other.append(TURN) for other in others))
        await BY_ENGINES[name](victim)
        await victim.over.wait()
        assert victim.closed is not None
        assert victim.closed[0] == SERVER_FAILED[0]
        for other in others:
            assert (await other.answer())["status"] == "completed"
        await others_go_on(room, others)


class BadObserver(SessionObserver):
    """Fails at whatever it is told of one session."""

    def __init__(self, opened_before: int) -> None:
        self._left = opened_before

    def open(self, _session: OpenedSession, _host: object) -> SessionObserver | None:
        self._left -= 1
        return self if self._left < 0 else None

    send = hear = speak = change = end_response = close = fail


async def test_an_observer_that_fails_ends_no_session():
    async with open_room() as room:
        others = [await room.enter() for _ in range(2)]
        room.reception.observers.add(BadObserver(0))
        watched = await room.enter()
        await others_go_on(room, [*others, watched])


@pytest.mark.parametrize("error", [OSError, RuntimeError, MistakeError])
async def test_a_transport_that_fails_ends_its_session_alone(error):
    async with open_room() as room:
        others = [await room.enter() for _ in range(2)]
        victim = MemoryClient()
        send = victim.asgi_send

        async def failing(message: Any) -> None:
            if message["type"] == "websocket.send" and "input_audio_buffer" in message["text"]:
                raise error
            await send(message)

        victim.asgi_send = failing  # type: ignore[method-assign]
        await room.welcome(victim)
        await victim.send("input_audio_buffer.clear")
        await victim.over.wait()
        await others_go_on(room, others)
