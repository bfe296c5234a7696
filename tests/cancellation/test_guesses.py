"""A pause ends between any two steps of the work that is done in it."""

from __future__ import annotations

import os

import anyio
import pytest

from antiphon.engines.scripted.script import AnswerStep, Call, Say, Script, Sound, SpeechStep, Take
from tests.cancellation.lifecycle import check_lifecycle
from tests.support.client import Frame, types
from tests.support.memory import MemoryClient, Room, open_room
from tests.support.sound import silence, speech
from tests.support.virtual_time import step

PAUSE = speech(128) + silence(96)
REST = silence(200)

MOST_STEPS = 500
"""A scenario that takes more does not end."""

PERFORMANCES = 4
"""The words, the answer and two segments of speech."""

TURNS = {
    "input": {
        "turn_detection": {"type": "server_vad", "silence_duration_ms": 200},
        "transcription": {"model": "any"},
    }
}


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


@pytest.fixture(autouse=True)
def _one_seat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that does one thing at a time."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def script() -> Script:
    """The same short answer with a call, again and again."""
    answer: Take[AnswerStep] = Take((Say("One two. Three."), Call("look")), when="")
    sound: Take[SpeechStep] = Take((Sound(150),), when="")
    return Script(answers=(answer,), speeches=(sound,))


async def pause(room: Room) -> MemoryClient:
    """Have a user speak and make a pause; what comes of that has only begun."""
    client = await room.enter()
    await client.update(audio=TURNS)
    await client.append(PAUSE, chunk_bytes=len(PAUSE))
    await client.until("input_audio_buffer.speech_started")
    return client


def is_worked_out(room: Room) -> bool:
    """Say whether the whole answer has been worked out."""
    return room.cast.stage.begun >= PERFORMANCES and room.cast.stage.running == 0


def told(client: MemoryClient) -> list[Frame]:
    """What a client was told, but for what differs from one session to the next."""
    return [
        {key: frame.get(key) for key in ("type", "delta", "transcript", "arguments")}
        for frame in client.frames
    ]


async def answered() -> list[Frame]:
    """What a client is told if nothing is worked out ahead."""
    async with open_room(script(), speculation="off") as room:
        client = await pause(room)
        await client.append(REST, chunk_bytes=len(REST))
        await client.answer()
        assert is_worked_out(room)
        return told(client)


async def test_a_turn_may_end_at_any_moment_and_is_answered_as_ever():
    expected = await answered()
    for moment in range(MOST_STEPS):
        async with open_room(script()) as room:
            client = await pause(room)
            await step(moment)
            over = is_worked_out(room)
            await client.append(REST, chunk_bytes=len(REST))
            await client.answer()
            check_lifecycle(client.frames)
            assert told(client) == expected
            await step(5)
            assert room.cast.stage.running == 0
            assert room.cast.stage.begun == PERFORMANCES  # nothing has been done twice
        if over:
            return
    pytest.fail(f"the scenario is not over after {MOST_STEPS} steps")


async def test_a_speaker_may_go_on_at_any_moment_and_nothing_is_left_of_the_pause():
    more = speech(64) + silence(300)
    for moment in range(MOST_STEPS):
        async with open_room(script()) as room:
            client = await pause(room)
            await step(moment)
            over = is_worked_out(room)
            await client.append(more, chunk_bytes=len(more))
            await client.answer()
            check_lifecycle(client.frames)
            assert types(client.frames).count("response.created") == 1
            await step(5)
            assert room.cast.stage.running == 0
        if over:
            return
    pytest.fail(f"the scenario is not over after {MOST_STEPS} steps")


async def test_an_answer_may_be_changed_at_any_moment():
    for moment in range(MOST_STEPS):
        async with open_room(script()) as room:
            client = await pause(room)
            await step(moment)
            over = is_worked_out(room)
            await client.update(instructions="Rhyme.")
            await client.append(REST, chunk_bytes=len(REST))
            assert (await client.answer())["status"] == "completed"
            check_lifecycle(client.frames)
            assert room.cast.language_model.requests[-1].messages[0].text == "Rhyme."
            await step(5)
            assert room.cast.stage.running == 0
        if over:
            return
    pytest.fail(f"the scenario is not over after {MOST_STEPS} steps")


async def test_somebody_else_may_need_the_machine_at_any_moment():
    expected = await answered()
    for moment in range(MOST_STEPS):
        async with open_room(script()) as room:
            writer, speaker = await room.enter(), await pause(room)
            await step(moment)
            over = is_worked_out(room)
            await writer.write("Look.")
            await writer.send("response.create")
            await speaker.append(REST, chunk_bytes=len(REST))
            await speaker.answer()
            await writer.answer()
            check_lifecycle(speaker.frames)
            assert told(speaker) == expected
            await step(5)
            assert room.cast.stage.running == 0
        if over:
            return
    pytest.fail(f"the scenario is not over after {MOST_STEPS} steps")


async def test_a_client_may_leave_at_any_moment_of_a_pause():
    for moment in range(MOST_STEPS):
        async with open_room(script()) as room:
            tasks_before = len(anyio.get_running_tasks())
            client = await pause(room)
            await step(moment)
            over = is_worked_out(room)
            client.leave()
            await client.over.wait()
            await step(1)
            assert room.cast.stage.running == 0
            assert room.reception.open_sessions == 0
            assert len(anyio.get_running_tasks()) == tasks_before
        if over:
            return
    pytest.fail(f"the scenario is not over after {MOST_STEPS} steps")
