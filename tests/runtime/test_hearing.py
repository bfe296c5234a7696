from __future__ import annotations

import base64
from dataclasses import replace

import anyio
import numpy as np
import pytest

from antiphon.engines.base import EngineInfo
from antiphon.engines.scripted.hearing import ScriptedVoiceDetector
from antiphon.engines.scripted.script import (
    Fail,
    Gate,
    Say,
    Script,
    Take,
    TranscriptionStep,
    WaitFor,
)
from antiphon.errors import EngineError
from tests.support.cast import make_cast
from tests.support.client import transcript_of
from tests.support.memory import open_room
from tests.support.sound import as_base64, noise, silence, speech

TURN = speech(700) + silence(800)


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def test_an_answer_waits_for_the_words_of_the_question():
    gate = Gate()
    script = Script(transcriptions=(Take((WaitFor(gate), Say("What is new?"))),))
    async with open_room(script) as room:
        client = await room.enter()
        await client.append(TURN)
        await client.until("response.created")
        await anyio.sleep(100)
        assert not room.cast.language_model.requests
        gate.open()
        response = await client.answer()
    assert transcript_of(response) == "You said: What is new?."


async def test_a_question_that_cannot_be_transcribed_fails_its_answer_and_no_more():
    fails: Take[TranscriptionStep] = Take((Fail("Too loud.", code="too_loud"),))
    script = Script(transcriptions=(fails, fails))  # a guess that fails is tried once more
    async with open_room(script) as room:
        client = await room.enter()
        await client.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await client.append(TURN)
        failed = await client.until("conversation.item.input_audio_transcription.failed")
        response = await client.answer()
        following = await client.ask("Better now?")
    assert (failed["error"]["code"], failed["error"]["message"]) == ("too_loud", "Too loud.")
    assert response["status"] == "failed"
    assert response["status_details"]["error"]["message"] == "Too loud."
    assert following["status"] == "completed"


async def test_a_turn_without_words_is_not_answered_with_any():
    async with open_room(Script(sentence="")) as room:
        client = await room.enter()
        await client.append(TURN)
        response = await client.answer()
        assert not room.cast.language_model.requests
    assert (response["status"], response["output"]) == ("completed", [])


async def test_hints_of_the_client_reach_the_transcriber():
    async with open_room() as room:
        client = await room.enter()
        hints = {"model": "whisper-1", "language": "no", "prompt": "Fjord."}
        await client.update(audio={"input": {"transcription": hints}})
        await client.append(TURN)
        await client.answer()
        ((_, request),) = room.cast.transcriber.requests
    assert (request.model, request.language, request.prompt) == ("whisper-1", "no", "Fjord.")


async def test_audio_in_an_item_is_heard_as_audio_of_the_microphone_is():
    async with open_room() as room:
        client = await room.enter()
        content = [{"type": "input_audio", "audio": as_base64(speech(500))}]
        item = {"type": "message", "role": "user", "content": content}
        await client.send("conversation.item.create", item=item)
        await client.send("response.create")
        response = await client.answer()
        ((heard, _),) = room.cast.transcriber.requests
    assert len(heard) == 8_000
    assert transcript_of(response) == "You said: Hello there."


async def test_switching_detection_off_in_the_midst_of_speech_leaves_the_turn_to_the_client():
    async with open_room() as room:
        client = await room.enter()
        await client.append(speech(700))
        await client.until("input_audio_buffer.speech_started")
        await client.take_turns_by_hand()
        await client.append(silence(800))
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.done")
        await client.send("response.create")
        response = await client.answer()
    assert response["status"] == "completed"
    assert not client.of("input_audio_buffer.speech_stopped")


# --- noise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", [None, {"type": "near_field"}, {"type": "far_field"}])
async def test_what_a_client_gets_back_of_a_turn_is_what_was_heard(reduction):
    async with open_room(Script(noise_rms=0.02)) as room:
        client = await room.enter()
        await client.update(audio={"input": {"noise_reduction": reduction}})
        await client.append(noise(1000, 0.005) + TURN)
        item_id = (await client.until("input_audio_buffer.committed"))["item_id"]
        await client.answer()
        await client.send("conversation.item.retrieve", item_id=item_id)
        retrieved = await client.until("conversation.item.retrieved")
        heard, _ = room.cast.transcriber.requests[-1]
        asked = [distance for distance, _ in room.cast.denoiser.opened]
    (part,) = retrieved["item"]["content"]
    before, said = np.split(np.frombuffer(base64.b64decode(part["audio"]), "<i2"), [4_800])
    assert asked == ([reduction["type"]] if reduction else [])
    assert bool(np.abs(before).max() > 50) is (reduction is None)
    assert bool(np.abs(heard[:3_200]).max() > 0.002) is (reduction is None)
    assert np.abs(said).max() > 5_000


# --- failing --------------------------------------------------------------------------------------


class DeafDetector(ScriptedVoiceDetector):
    """One that fails at the first sound."""

    def step(self, frames, states):
        message = "it broke"
        raise EngineError(message, stage="detect")


async def test_a_session_whose_detector_fails_is_closed_and_others_are_not():
    info = EngineInfo(name="deaf", role="voice_detector", rate_hz=16_000)
    cast = replace(make_cast(), voice_detector=DeafDetector(info, Script(), "detect"))
    async with open_room(cast=cast) as room:
        speaker, writer = await room.enter(), await room.enter()
        await speaker.append(TURN)
        await speaker.over.wait()
        response = await writer.ask("Still there?")
    assert speaker.closed == (1011, "Voice detection failed.")
    assert response["status"] == "completed"
