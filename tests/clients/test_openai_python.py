"""The official OpenAI SDK for Python, unmodified, against the running server."""

from __future__ import annotations

import json
from itertools import groupby

import anyio
import numpy as np
import pytest

from antiphon.audio.formats import codec_of
from antiphon.engines.scripted.script import AnswerStep, Call, Gate, Say, Script, Take, WaitFor
from antiphon.wire.audio_config import PcmaFormat, PcmuFormat
from tests.support.client import Frame, transcript_of, types
from tests.support.server import running_server
from tests.support.sound import as_base64, silence, speech

BYTES_PER_MS = 48
TURN = speech(700) + silence(800)
"""Long enough to begin and to end a turn with the default settings."""

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def user_message(text: str):
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def in_short(frames: list[Frame]) -> list[str]:
    """What the frames are called; repeated ones once, and deltas of speech under one name.

    Words and sound of an answer flow side by side, so how they interleave says nothing.
    """
    spoken = ("response.output_audio.delta", "response.output_audio_transcript.delta")
    named = ["deltas of the answer" if name in spoken else name for name in types(frames)]
    return [name for name, _ in groupby(named)]


SPOKEN_ANSWER = [
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "deltas of the answer",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


async def test_events_arrive_as_the_sdk_types_them():
    async with (
        running_server() as server,
        server.openai() as openai,
        openai.realtime.connect(model="antiphon") as connection,
    ):
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await connection.conversation.item.create(item=user_message("Good morning."))
        await connection.response.create()
        written = ""
        async for event in connection:
            if event.type == "response.output_text.delta":
                written += event.delta
            elif event.type == "response.done":
                assert event.response.status == "completed"
                break
    assert written == "You said: Good morning."


async def test_a_written_question_gets_a_written_answer():
    async with running_server() as server, server.sdk() as client:
        await client.update(output_modalities=["text"])
        await client.sdk.conversation.item.create(item=user_message("Good morning."))
        await client.sdk.response.create()
        frames = await client.collect("response.done")
    assert in_short(frames) == [
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    response = frames[-1]["response"]
    assert transcript_of(response) == "You said: Good morning."
    assert response["usage"]["output_tokens"] == 4
    assert response["usage"]["output_token_details"]["audio_tokens"] == 0


async def test_a_written_question_gets_a_spoken_answer():
    async with running_server() as server, server.sdk() as client:
        response = await client.ask("Good morning.")
        (segment,) = server.cast.synthesizer.requests
    assert transcript_of(response) == segment.text == "You said: Good morning."
    audio = client.audio_of(response["id"])
    assert len(audio) == len(segment.text) * 60 * BYTES_PER_MS
    assert np.abs(np.frombuffer(audio, "<i2")).max() > 5_000


async def test_a_turn_committed_by_hand_is_answered_when_asked_for():
    async with running_server(Script(sentence="What time is it?")) as server:
        async with server.sdk() as client:
            await client.take_turns_by_hand()
            await client.sdk.input_audio_buffer.append(audio=as_base64(speech(300)))
            await client.sdk.input_audio_buffer.commit()
            committed = await client.collect("conversation.item.done")
            await client.sdk.response.create()
            response = await client.answer()
        assert types(committed) == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
        ]
        assert committed[0]["item_id"] == committed[1]["item"]["id"]
        assert server.cast.conversation_seen() == [("user", "What time is it?")]
        heard, _ = server.cast.transcriber.requests[0]
    assert len(heard) == 300 * 16
    assert transcript_of(response) == "You said: What time is it?."


async def test_a_spoken_turn_is_detected_transcribed_and_answered_in_this_order():
    script = Script(sentence="What time is it?")
    async with running_server(script) as server, server.sdk() as client:
        await client.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await client.append(silence(200) + TURN)
        frames = await client.collect("response.done")
    assert in_short(frames) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        *SPOKEN_ANSWER,
    ]
    started, stopped, committed, added = frames[:4]
    assert started["item_id"] == stopped["item_id"] == committed["item_id"] == added["item"]["id"]
    assert started["audio_start_ms"] == 0  # 300 ms of padding before speech from 200 ms on
    assert 1_300 <= stopped["audio_end_ms"] <= 1_500
    (heard,) = client.of("conversation.item.input_audio_transcription.completed")
    assert heard["transcript"] == "What time is it?"
    assert heard["usage"]["seconds"] == stopped["audio_end_ms"] / 1000


async def test_speech_in_real_time_makes_the_same_turn_as_speech_all_at_once():
    async with running_server() as server:
        async with server.sdk() as client:
            await client.append(TURN)
            await client.until("response.done")
            at_once = client.of("input_audio_buffer.speech_stopped")
        async with server.sdk() as client:
            for start in range(0, len(TURN), 100 * BYTES_PER_MS):
                await client.append(TURN[start : start + 100 * BYTES_PER_MS])
                await anyio.sleep(0.1)
            response = await client.answer()
            in_real_time = client.of("input_audio_buffer.speech_stopped")
    assert [one["audio_end_ms"] for one in at_once] == [one["audio_end_ms"] for one in in_real_time]
    assert response["status"] == "completed"


async def test_a_second_question_is_asked_with_the_first_in_mind():
    async with running_server(Script(sentence="What is the capital of France?")) as server:
        async with server.sdk() as client:
            await client.append(TURN)
            await client.until("response.done")
            await client.ask("And of Italy?")
        assert server.cast.conversation_seen() == [
            ("user", "What is the capital of France?"),
            ("assistant", "You said: What is the capital of France?."),
            ("user", "And of Italy?"),
        ]
        first, second = server.cast.language_model.requests
    assert first.conversation == second.conversation


async def test_two_sessions_at_once_do_not_mix():
    gate = Gate()
    answers: tuple[Take[AnswerStep], ...] = tuple(
        Take((WaitFor(gate), Say(f"This is for {name}.")), when=name) for name in ("Ann", "Ben")
    )
    async with running_server(Script(answers=answers)) as server:
        async with server.sdk() as ann, server.sdk() as ben:
            for client, name in ((ann, "Ann"), (ben, "Ben")):
                await client.write(f"I am {name}.")
                await client.sdk.response.create()
                await client.until("response.created")
            gate.open()
            for client, name in ((ann, "Ann"), (ben, "Ben")):
                response = await client.answer()
                assert transcript_of(response) == f"This is for {name}."
        conversations = {request.conversation for request in server.cast.language_model.requests}
        texts = [request.messages[-1].text for request in server.cast.language_model.requests]
    assert len(conversations) == 2
    assert sorted(texts) == ["I am Ann.", "I am Ben."]
    ids = [{frame.get("response_id") for frame in client.frames} - {None} for client in (ann, ben)]
    assert ids[0].isdisjoint(ids[1])


async def test_a_forced_function_is_called_and_its_output_used():
    call: Take[AnswerStep] = Take((Call("get_weather", '{"city": "Oslo"}'),))
    async with running_server(Script(answers=(call,))) as server, server.sdk() as client:
        await client.update(
            output_modalities=["text"],
            tools=[WEATHER],
            tool_choice={"type": "function", "name": "get_weather"},
        )
        response = await client.ask("How is the weather?")
        (called,) = response["output"]
        deltas = client.of("response.function_call_arguments.delta")
        assert server.cast.language_model.requests[0].forced_tool == "get_weather"

        await client.sdk.conversation.item.create(
            item={
                "type": "function_call_output",
                "call_id": called["call_id"],
                "output": "Rain.",
            }
        )
        await client.sdk.response.create(response={"tool_choice": "none"})
        answer = await client.answer()
        shown = server.cast.language_model.requests[1].messages
    assert (called["type"], called["name"]) == ("function_call", "get_weather")
    assert json.loads(called["arguments"]) == {"city": "Oslo"}
    assert "".join(delta["delta"] for delta in deltas) == called["arguments"]
    assert [message.role for message in shown] == ["system", "user", "assistant", "tool"]
    assert shown[2].tool_calls[0].call_id == shown[3].tool_call_id == called["call_id"]
    assert transcript_of(answer) == "The function answered: Rain."


@pytest.mark.parametrize("audio_format", [PcmuFormat(), PcmaFormat()], ids=["mu-law", "A-law"])
async def test_g711_is_heard_and_spoken(audio_format):
    wire_format = {"type": audio_format.__struct_config__.tag}
    turn = speech(700, audio_format) + silence(800, audio_format)
    async with running_server() as server, server.sdk() as client:
        audio = {"input": {"format": wire_format}, "output": {"format": wire_format}}
        updated = await client.update(audio=audio)
        await client.append(turn, chunk_bytes=160)
        response = await client.answer()
        (segment,) = server.cast.synthesizer.requests
    assert updated["session"]["audio"]["input"]["format"] == wire_format
    assert response["audio"]["output"]["format"] == wire_format
    assert transcript_of(response) == "You said: Hello there."
    samples = codec_of(audio_format).decode(client.audio_of(response["id"]))
    assert len(samples) == len(segment.text) * 60 * 8
    loudest_hz = np.argmax(np.abs(np.fft.rfft(samples))) * 8_000 / len(samples)
    assert loudest_hz == pytest.approx(440, abs=2)
