"""Translation sessions as the host runs them: what overlaps, what waits, what goes wrong."""

from __future__ import annotations

import anyio
import pytest

from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.engines.scripted.script import Fail, Gate, Say, Script, Sound, Take, WaitFor
from tests.support.client import types
from tests.support.memory import open_room
from tests.support.sound import silence, speech
from tests.support.translation import TRANSCRIBED, TranslationMemoryClient

PHRASE = speech(1000) + silence(600)


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def test_two_phrases_are_spoken_in_order_although_the_second_is_understood_first():
    gate = Gate()
    script = Script(
        transcriptions=(Take((WaitFor(gate), Say("One."))), Take((Say("Two."),))),
        answers=(Take((Say("Eins."),)), Take((Say("Zwei."),))),
    )
    async with open_room(script) as room:
        client = TranslationMemoryClient()
        await room.welcome(client, TRANSCRIBED)
        await client.append(PHRASE * 2)
        await gate.reached()
        await anyio.sleep(10)
        assert len(room.cast.transcriber.requests) == 2
        assert client.waiting_frames == 0
        gate.open()
        await client.finish()
    assert client.ledger.source == "One. Two."
    assert client.ledger.target == "Eins. Zwei."


async def test_the_next_phrase_is_understood_while_one_is_spoken():
    gate = Gate()
    script = Script(speeches=(Take((Sound(100), WaitFor(gate), Sound(100))),))
    async with open_room(script) as room:
        client = TranslationMemoryClient()
        await room.welcome(client, TRANSCRIBED)
        await client.append(PHRASE * 2)
        await gate.reached()
        await anyio.sleep(10)
        assert len(room.cast.transcriber.requests) == 2
        assert len(room.cast.language_model.requests) == 1
        gate.open()
        await client.finish()
    assert len(room.cast.language_model.requests) == 2


@pytest.mark.parametrize(
    "script",
    [
        Script(transcriptions=(Take((Fail("It fell over."),)),)),
        Script(answers=(Take((Fail("It fell over."),)),)),
        Script(speeches=(Take((Fail("It fell over."),)),)),
    ],
    ids=["transcriber", "language model", "synthesizer"],
)
async def test_when_an_engine_fails_the_next_phrase_is_translated(script: Script):
    async with open_room(script) as room:
        client = TranslationMemoryClient()
        await room.welcome(client, TRANSCRIBED)
        await client.append(PHRASE)
        while "error" not in types(client.frames):
            await client.next()
        await client.append(PHRASE)
        await client.finish()
    (error,) = client.of("error")
    assert error["error"]["type"] == "server_error"
    assert "It fell over." in error["error"]["message"]
    assert client.ledger.target.endswith("Hello there.")
    assert client.ledger.sound


async def test_audio_after_close_is_refused_and_what_came_before_is_not_lost():
    async with open_room() as room:
        client = TranslationMemoryClient()
        await room.welcome(client, TRANSCRIBED)
        await client.append(speech(1000))
        await client.send("session.close")
        await client.append(speech(100))
        while "session.closed" not in types(client.frames):
            await client.next()
        await client.over.wait()
    (error,) = client.of("error")
    assert error["error"]["code"] == "session_closing"
    assert client.ledger.source == "Hello there."
    assert client.closed == (1000, "The session was closed as asked.")
    assert room.reception.open_sessions == 0


async def test_a_long_speech_is_translated_as_it_goes():
    async with open_room() as room:
        client = TranslationMemoryClient()
        await room.welcome(client, TRANSCRIBED)
        await client.append(speech(10_000))
        await client.until("session.output_audio.delta")
        await client.append(speech(10_000))
        await client.finish()
    assert len(room.cast.transcriber.requests) >= 3
    heard_s = sum(len(audio) for audio, _ in room.cast.transcriber.requests) / 16_000
    assert heard_s == pytest.approx(20, abs=0.2)


async def test_a_session_that_expires_stops_what_is_spoken():
    gate = Gate()
    script = Script(speeches=(Take((WaitFor(gate),)),))
    async with open_room(script) as room:
        client = TranslationMemoryClient()
        await room.welcome(client, TRANSCRIBED)
        await client.append(PHRASE)
        await gate.reached()
        await anyio.sleep(SESSION_LIFETIME_S)
        await client.over.wait()
        await client.take_what_came()
        assert room.cast.stage.running == 0
    assert client.frames[-1]["error"]["code"] == "session_expired"
    assert client.closed is not None
    assert client.closed[0] == 1001


async def test_a_client_that_does_not_read_holds_the_translation_back():
    script = Script(speeches=(Take((Sound(18_000),)),))  # 16 s are as much as may wait unread
    async with open_room(script) as room:
        client = TranslationMemoryClient()
        await room.welcome(client, TRANSCRIBED)
        client.stop_reading()
        await client.append(PHRASE * 2)
        await anyio.sleep(100)
        assert len(room.cast.language_model.requests) == 1
        client.read_on()
        await client.finish()
    assert len(room.cast.language_model.requests) == 2


async def test_a_client_that_reads_slowly_gets_everything_before_the_end():
    async with open_room() as room:
        client = TranslationMemoryClient()
        await room.welcome(client, TRANSCRIBED)
        client.stop_reading()
        await client.append(PHRASE)
        await client.send("session.close")
        await anyio.sleep(16)
        client.read_on()
        await client.until("session.closed")
    assert client.ledger.target.endswith("Hello there.")
