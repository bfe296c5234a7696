"""The official OpenAI SDK for Python, changing its mind while an answer is under way."""

from __future__ import annotations

import pytest

from antiphon.engines.scripted.script import Gate, Say, Script, Sound, Take, WaitFor
from tests.support.client import Client, transcript_of, types
from tests.support.server import running_server
from tests.support.sound import silence, speech

TURN = speech(700) + silence(800)


def speaking_until(gate: Gate) -> Script:
    """An answer that sounds for 600 ms and then waits; later answers follow the rules."""
    return Script(
        answers=(Take((Say("One two three four five."),)),),
        speeches=(Take((Sound(600), WaitFor(gate), Sound(600))),),
    )


def frames_of(client: Client, response_id: str):
    """All frames of a response, those that show the whole of it included."""
    return [
        frame
        for frame in client.frames
        if response_id in (frame.get("response_id"), frame.get("response", {}).get("id"))
    ]


@pytest.mark.parametrize("names_it", [True, False], ids=["with an id", "without an id"])
async def test_a_cancelled_answer_ends_at_once(names_it):
    gate = Gate()
    async with running_server(speaking_until(gate)) as server, server.sdk() as client:
        await client.write("Count to five.")
        await client.sdk.response.create()
        response_id = (await client.until("response.created"))["response"]["id"]
        await gate.reached()
        if names_it:
            await client.sdk.response.cancel(response_id=response_id)
        else:
            await client.sdk.response.cancel()
        response = await client.answer()
        gate.open()
        following = await client.ask("Never mind.")
    assert response["id"] == response_id
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert [item["status"] for item in response["output"]] == ["incomplete"]
    assert len(client.audio_of(response_id)) == 600 * 48
    assert types(frames_of(client, response_id))[-1] == "response.done"
    assert following["status"] == "completed"


async def test_cancelling_when_nothing_is_active_is_refused_and_does_no_harm():
    async with running_server() as server, server.sdk() as client:
        await client.sdk.response.cancel(event_id="the-cancel")
        error = (await client.until("error"))["error"]
        response = await client.ask("Still there?")
    assert error["code"] == "response_cancel_not_active"
    assert error["message"] == "Cancellation failed: no active response found"
    assert error["event_id"] == "the-cancel"
    assert response["status"] == "completed"


async def test_an_answer_cannot_be_cancelled_under_another_id():
    gate = Gate()
    async with running_server(speaking_until(gate)) as server, server.sdk() as client:
        await client.write("Count to five.")
        await client.sdk.response.create()
        await gate.reached()
        await client.sdk.response.cancel(response_id="resp_of_somebody_else")
        error = (await client.until("error"))["error"]
        gate.open()
        response = await client.answer()
    assert error["code"] == "response_cancel_not_active"
    assert response["status"] == "completed"


async def test_speech_interrupts_an_answer_that_is_being_spoken_and_is_answered_itself():
    gate = Gate()
    async with running_server(speaking_until(gate)) as server, server.sdk() as client:
        await client.write("Count to five.")
        await client.sdk.response.create()
        await gate.reached()
        await client.append(TURN)
        interrupted = await client.answer()
        gate.open()
        answer = await client.answer()
    assert interrupted["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert types(frames_of(client, interrupted["id"]))[-1] == "response.done"
    assert len(client.audio_of(interrupted["id"])) == 600 * 48
    assert answer["status"] == "completed"
    assert transcript_of(answer) == "You said: Hello there."
    order = [name for name in types(client.frames) if not name.endswith(("delta", "part.done"))]
    started = order.index("input_audio_buffer.speech_started")
    assert order[started:][:9] == [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
    ]


async def test_speech_interrupts_an_answer_that_streams_without_a_pause():
    script = Script(
        answers=(Take((Say("A very long answer."),)),),
        speeches=(Take((Sound(600_000, every_ms=5),)),),
    )
    async with running_server(script) as server, server.sdk() as client:
        await client.write("Go on and on.")
        await client.sdk.response.create()
        await client.until("response.output_audio.delta")
        await client.append(TURN)
        interrupted = await client.answer()
        answer = await client.answer()
    assert interrupted["status_details"]["reason"] == "turn_detected"
    assert types(frames_of(client, interrupted["id"]))[-1] == "response.done"
    assert answer["status"] == "completed"


async def test_speech_interrupts_an_answer_that_has_not_begun():
    gate = Gate()
    script = Script(answers=(Take((WaitFor(gate), Say("Too late."))),))
    async with running_server(script) as server, server.sdk() as client:
        await client.write("Think hard.")
        await client.sdk.response.create()
        await gate.reached()
        await client.append(TURN)
        interrupted = await client.answer()
        answer = await client.answer()
    assert interrupted["status_details"]["reason"] == "turn_detected"
    assert interrupted["output"] == []
    assert transcript_of(answer) == "You said: Hello there."


async def test_an_answer_goes_on_under_speech_if_the_client_wants_that():
    gate = Gate()
    script = Script(
        answers=(Take((Say("Let me finish."),)),),
        speeches=(Take((WaitFor(gate), Sound(400))),),
    )
    async with running_server(script) as server, server.sdk() as client:
        vad = {"type": "server_vad", "interrupt_response": False, "create_response": False}
        await client.update(audio={"input": {"turn_detection": vad}})
        await client.write("Speak.")
        await client.sdk.response.create()
        await gate.reached()
        await client.append(TURN)
        await client.until("input_audio_buffer.committed")
        gate.open()
        response = await client.answer()
    assert response["status"] == "completed"
    assert transcript_of(response) == "Let me finish."


async def test_what_was_not_heard_is_not_remembered():
    gate = Gate()
    async with running_server(speaking_until(gate)) as server, server.sdk() as client:
        vad = {"type": "server_vad", "create_response": False}
        await client.update(audio={"input": {"turn_detection": vad}})
        await client.write("Count to five.")
        await client.sdk.response.create()
        await gate.reached()
        await client.append(TURN)
        interrupted = await client.answer()
        (item,) = interrupted["output"]
        await client.sdk.conversation.item.truncate(
            item_id=item["id"], content_index=0, audio_end_ms=300
        )
        truncated = await client.until("conversation.item.truncated")
        await client.ask("Where were you?")
        seen = server.cast.conversation_seen()
    assert truncated["audio_end_ms"] == 300
    assert seen[:2] == [("user", "Count to five."), ("assistant", "One")]
    assert seen[-1] == ("user", "Where were you?")
