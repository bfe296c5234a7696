"""Words and answers that are worked out in a pause, from the client to the engines."""

from __future__ import annotations

import os

import anyio
import pytest

from antiphon.config import Limits
from antiphon.engines.scripted.script import (
    Call,
    Fail,
    Gate,
    Say,
    Script,
    Sound,
    Take,
    TranscriptionStep,
    Wait,
    WaitFor,
)
from antiphon.runtime.held import HELD_BYTES
from tests.support.client import transcript_of, types
from tests.support.memory import MemoryClient, open_room
from tests.support.sound import silence, speech
from tests.support.virtual_time import step

PAUSE = speech(700) + silence(128)
REST = silence(672)
"""What the turn has more, so that it is over."""

SLOW = Script(transcribe_ms=200, token_ms=50, synthesize_ms=100)

CHUNK_BYTES = 4_800
"""What the scripted synthesizer yields at a time."""

DETECTION_S = 0.02
"""How long voice detection may wait for frames of other sessions."""


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def pause(client: MemoryClient, *, for_s: float = 20) -> None:
    """Speak, and be silent for so long that everything may be worked out; nobody is told of it."""
    await client.append(PAUSE)
    await client.until("input_audio_buffer.speech_started")
    await anyio.sleep(for_s)
    assert client.waiting_frames == 0


async def time_to_answer(client: MemoryClient) -> float:
    """End the turn, and return how long it then takes until the answer is to be heard."""
    await client.append(REST)
    await client.until("input_audio_buffer.committed")
    ended_at = anyio.current_time()
    await client.until("response.output_audio.delta")
    return anyio.current_time() - ended_at


# --- the turn is over -----------------------------------------------------------------------------


async def test_the_answer_is_there_at_once_when_the_turn_is_over():
    async with open_room(SLOW) as room:
        client = await room.enter()
        await pause(client)
        assert await time_to_answer(client) == pytest.approx(0, abs=1e-6)
        response = await client.answer()
    assert (response["status"], transcript_of(response)) == ("completed", "You said: Hello there.")


async def test_without_speculation_the_work_begins_only_then():
    async with open_room(SLOW, speculation="off") as room:
        client = await room.enter()
        await pause(client)
        assert room.cast.stage.begun == 0
        assert await time_to_answer(client) >= 0.2


async def test_with_words_only_the_answer_is_not_begun():
    async with open_room(SLOW, speculation="words") as room:
        client = await room.enter()
        await pause(client)
        assert len(room.cast.transcriber.requests) == 1
        assert not room.cast.language_model.requests
        await time_to_answer(client)
        assert len(room.cast.transcriber.requests) == 1


async def test_an_answer_that_is_half_done_goes_on_from_there():
    script = Script(answers=(Take((Say("One two three.", every_ms=1000),)),))
    async with open_room(script) as room:
        client = await room.enter()
        await client.update(output_modalities=["text"])
        await pause(client, for_s=1.5)
        started_at = anyio.current_time()
        await client.append(REST)
        await client.until("response.output_text.delta")
        assert anyio.current_time() == pytest.approx(started_at, abs=1e-6)
        await client.answer()
        assert anyio.current_time() == pytest.approx(started_at + 1.5, abs=0.1)
        assert len(room.cast.language_model.requests) == 1


async def test_words_that_are_half_known_are_told_after_what_the_end_of_the_turn_brings_about():
    told = []
    for speculation in ("off", "answers"):
        hears: Take[TranscriptionStep] = Take((Say("What is new?", every_ms=400),))
        async with open_room(Script(transcriptions=(hears,)), speculation=speculation) as room:
            client = await room.enter()
            await client.update(audio={"input": {"transcription": {"model": "any"}}})
            await pause(client, for_s=0.9)
            await client.append(REST)
            await client.answer()
            told.append(types(client.frames))
    assert told[0] == told[1]


async def test_the_client_sees_the_same_frames_as_without():
    told = []
    for speculation in ("off", "answers"):
        script = Script(answers=(Take((Say("Let me see."), Call("look"))),))
        async with open_room(script, speculation=speculation) as room:
            client = await room.enter()
            await client.update(audio={"input": {"transcription": {"model": "any"}}})
            await pause(client)
            await client.append(REST)
            response = await client.answer()
            told.append((types(client.frames), response["usage"], transcript_of(response)))
    assert told[0] == told[1]


async def test_an_answer_that_has_failed_is_tried_once_more_now_that_it_is_wanted():
    script = Script(answers=(Take((Fail("Out of memory."),)), Take((Say("Here I am."),))))
    async with open_room(script) as room:
        client = await room.enter()
        await pause(client)
        await client.append(REST)
        response = await client.answer()
    assert (response["status"], transcript_of(response)) == ("completed", "Here I am.")


async def test_no_more_of_a_long_answer_is_worked_out_than_may_be_held():
    script = Script(speeches=(Take((Sound(60_000, every_ms=10),)),))
    async with open_room(script) as room:
        client = await room.enter()
        await pause(client)
        await client.append(REST)
        response_id = (await client.until("response.created"))["response"]["id"]
        await step(1000)
        await client.take_what_came()
        held_bytes = len(client.audio_of(response_id))
        # Beside what is held there is the chunk that was waiting for room.
        assert HELD_BYTES <= held_bytes <= HELD_BYTES + 2 * CHUNK_BYTES
        await client.answer()
        assert len(client.audio_of(response_id)) == 60_000 * 48


# --- the speaker goes on --------------------------------------------------------------------------


@pytest.mark.parametrize("after_s", [0.1, 0.3, 0.5], ids=["words", "thought", "voice"])
async def test_whatever_is_under_way_stops_as_soon_as_the_speaker_goes_on(after_s):
    script = Script(transcribe_ms=200, token_ms=50, synthesize_ms=10_000)
    async with open_room(script) as room:
        client = await room.enter()
        await pause(client, for_s=after_s)
        assert room.cast.stage.running > 0
        await client.append(speech(100))
        await anyio.sleep(DETECTION_S)
        await step(10)
        assert room.cast.stage.running == 0
        assert client.waiting_frames == 0


async def test_only_the_last_pause_is_answered():
    async with open_room(SLOW) as room:
        client = await room.enter()
        await pause(client)
        await client.append(speech(100) + silence(128))
        await anyio.sleep(20)
        assert client.waiting_frames == 0
        assert await time_to_answer(client) == pytest.approx(0, abs=1e-6)
        await client.answer()
        first, last = (len(audio) for audio, _ in room.cast.transcriber.requests)
    assert first < last
    assert types(client.frames).count("response.created") == 1


# --- something else happens -----------------------------------------------------------------------


async def test_new_instructions_in_the_pause_are_those_that_are_followed():
    async with open_room(SLOW) as room:
        client = await room.enter()
        await pause(client)
        await client.update(instructions="Rhyme.")
        assert await time_to_answer(client) > 0
        response = await client.answer()
        *_, request = room.cast.language_model.requests
    assert request.messages[0].text == "Rhyme."
    assert transcript_of(response) == "You said: Hello there."


async def test_a_client_may_leave_while_an_answer_is_worked_out():
    script = Script(answers=(Take((WaitFor(Gate()),)),))
    async with open_room(script) as room:
        client = await room.enter()
        await pause(client)
        assert room.cast.stage.running == 1
        client.leave()
        await client.over.wait()
        await step(2)
        assert room.cast.stage.running == 0
        assert room.reception.open_sessions == 0


async def test_a_response_beyond_the_rate_limit_does_not_end_the_session():
    async with open_room(rate_limits=Limits(requests_per_minute=1)) as room:
        client = await room.enter()
        await client.ask("Hello?")
        await pause(client)
        await client.append(REST)
        response = await client.answer()
        assert response["status"] == "failed"
        assert response["status_details"]["error"]["type"] == "rate_limit_exceeded"
        await client.write("Still there?")


# --- a busy machine -------------------------------------------------------------------------------


@pytest.fixture
def one_seat(monkeypatch):
    """A machine that does one thing at a time."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.usefixtures("one_seat")
async def test_on_a_busy_machine_nothing_is_worked_out_ahead():
    gate = Gate()
    script = Script(answers=(Take((WaitFor(gate), Say("At last."))),))
    async with open_room(script) as room:
        writer, speaker = await room.enter(), await room.enter()
        await writer.write("Take your time.")
        await writer.send("response.create")
        await gate.reached()
        await pause(speaker)
        assert not room.cast.transcriber.requests
        await speaker.append(REST)
        assert (await speaker.answer())["status"] == "completed"
        gate.open()
        await writer.answer()


@pytest.mark.usefixtures("one_seat")
async def test_a_guess_gives_way_to_somebody_elses_answer_and_is_worked_out_again():
    script = Script(answers=(Take((Wait(60_000), Say("Never."))),), token_ms=50)
    async with open_room(script) as room:
        speaker, writer = await room.enter(), await room.enter()
        await pause(speaker)
        assert room.cast.stage.running == 1
        assert (await writer.ask("Quick?"))["status"] == "completed"
        assert room.cast.stage.running == 0
        await speaker.append(REST)
        response = await speaker.answer()
    assert transcript_of(response) == "You said: Hello there."


# --- where the time went --------------------------------------------------------------------------


async def test_the_timeline_says_that_the_answer_was_worked_out_ahead():
    async with open_room(SLOW) as room:
        client = await room.enter()
        await pause(client)
        await client.append(REST)
        response = await client.answer()
        timeline = room.reception.timelines.find(response["id"])
    assert timeline is not None
    assert list(timeline.as_ms()) == [
        "speech_ended",
        "transcribed",
        "guessed",
        "started",
        "prompt_read",
        "first_token",
        "first_segment",
        "first_audio",
        "turn_ended",
        "created",
        "ended",
    ]


async def test_the_timeline_says_that_it_was_for_nothing():
    async with open_room(SLOW) as room:
        client = await room.enter()
        await pause(client)
        await client.update(instructions="Rhyme.")
        await client.append(REST)
        response = await client.answer()
        timeline = room.reception.timelines.find(response["id"])
    assert timeline is not None
    assert list(timeline.as_ms()) == [
        "speech_ended",
        "transcribed",
        "guessed",
        "turn_ended",
        "created",
        "guess_dropped",
        "started",
        "prompt_read",
        "first_token",
        "first_segment",
        "first_audio",
        "ended",
    ]
