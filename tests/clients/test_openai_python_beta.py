"""The beta client of the official OpenAI SDK for Python, unmodified, against the running server.

Frames are checked by the SDK's own beta types, which know only models of the hosted service.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby
from typing import ClassVar

import pytest
from openai import AsyncOpenAI
from openai.resources.beta.realtime.realtime import AsyncRealtimeConnection
from openai.types.beta.realtime import RealtimeServerEvent
from openai.types.beta.realtime.session_update_event_param import Session, SessionTool
from pydantic import TypeAdapter

from antiphon.audio.formats import codec_of
from antiphon.engines.scripted.script import Call, Script, Take
from antiphon.wire.audio_config import PcmuFormat
from tests.support.client import Client, Frame, types
from tests.support.server import Served, running_server
from tests.support.sound import silence, speech

MODEL = "gpt-4o-realtime-preview"
TURN = speech(700) + silence(800)
WEATHER: SessionTool = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather.",
}


class BetaClient(Client):
    """A client that is the SDK's beta client."""

    sdk_types: ClassVar[TypeAdapter[object]] = TypeAdapter[object](RealtimeServerEvent)

    def __init__(self, sdk: AsyncRealtimeConnection) -> None:
        super().__init__()
        self.sdk = sdk

    async def _receive(self) -> bytes:
        return await self.sdk.recv_bytes()

    async def send_raw(self, frame: str | bytes) -> None:
        await self.sdk._connection.send(frame)


@asynccontextmanager
async def beta_client(server: Served) -> AsyncIterator[BetaClient]:
    """Open a session, and wait for what comes unasked."""
    url = f"ws{server.url.removeprefix('http')}/v1"
    async with (
        AsyncOpenAI(websocket_base_url=url, api_key="any") as openai,
        openai.beta.realtime.connect(model=MODEL) as connection,
    ):
        client = BetaClient(connection)
        assert types(await client.collect("conversation.created")) == [
            "session.created",
            "conversation.created",
        ]
        yield client


def in_short(frames: list[Frame]) -> list[str]:
    """What the frames are called; repeated ones once, and deltas of speech under one name."""
    spoken = ("response.audio.delta", "response.audio_transcript.delta")
    named = ["deltas of the answer" if name in spoken else name for name in types(frames)]
    return [name for name, _ in groupby(named)]


def user_message(text: str):
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


SPOKEN_ANSWER = [
    "response.created",
    "response.output_item.added",
    "conversation.item.created",
    "response.content_part.added",
    "deltas of the answer",
    "response.audio.done",
    "response.audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.done",
]


async def test_a_session_is_flat():
    async with running_server(beta_dialect=True) as server, beta_client(server) as client:
        session = client.frames[0]["session"]
    assert session["object"] == "realtime.session"
    assert session["modalities"] == ["audio", "text"]
    assert session["input_audio_format"] == session["output_audio_format"] == "pcm16"
    assert session["turn_detection"]["type"] == "server_vad"
    assert session["max_response_output_tokens"] == "inf"
    assert session["temperature"] == 0.8
    assert not {"type", "audio", "output_modalities", "max_output_tokens"} & set(session)


async def test_a_written_question_gets_a_written_answer():
    async with running_server(beta_dialect=True) as server, beta_client(server) as client:
        await client.sdk.session.update(session={"modalities": ["text"], "temperature": 0.6})
        updated = await client.until("session.updated")
        await client.sdk.conversation.item.create(item=user_message("Good morning."))
        await client.sdk.response.create()
        frames = await client.collect("response.done")
    assert updated["session"]["modalities"] == ["text"]
    assert in_short(frames) == [
        "conversation.item.created",
        "response.created",
        "response.output_item.added",
        "conversation.item.created",
        "response.content_part.added",
        "response.text.delta",
        "response.text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    response = frames[-1]["response"]
    assert response["modalities"] == ["text"]
    assert response["temperature"] == 0.8
    (item,) = response["output"]
    assert item["object"] == "realtime.item"
    assert item["content"] == [{"type": "text", "text": "You said: Good morning."}]
    assert "".join(frame["delta"] for frame in client.of("response.text.delta")) == (
        "You said: Good morning."
    )


async def test_a_spoken_turn_is_transcribed_and_answered_in_speech():
    script = Script(sentence="What time is it?")
    async with running_server(script, beta_dialect=True) as server, beta_client(server) as client:
        await client.sdk.session.update(session={"input_audio_transcription": {}})
        await client.until("session.updated")
        await client.append(TURN)
        frames = await client.collect("response.done")
    transcribed = "conversation.item.input_audio_transcription.completed"
    assert in_short([frame for frame in frames if "transcription" not in frame["type"]]) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.created",
        *SPOKEN_ANSWER,
    ]
    (words,) = client.of(transcribed)
    assert words["transcript"] == "What time is it?"
    response = frames[-1]["response"]
    assert response["output_audio_format"] == "pcm16"
    (item,) = response["output"]
    assert item["content"] == [{"type": "audio", "transcript": "You said: What time is it?."}]
    assert response["conversation_id"] == client.of("conversation.created")[0]["conversation"]["id"]


async def test_audio_formats_go_by_their_old_names():
    formats: Session = {"input_audio_format": "g711_ulaw", "output_audio_format": "g711_alaw"}
    async with running_server(beta_dialect=True) as server, beta_client(server) as client:
        await client.sdk.session.update(session=formats)
        await client.until("session.updated")
        await client.send("session.update", session={"turn_detection": None})
        session = (await client.until("session.updated"))["session"]
        await client.append(speech(300, PcmuFormat()))
        await client.sdk.input_audio_buffer.commit()
        await client.until("conversation.item.created")
        await client.sdk.response.create(response={"output_audio_format": "g711_ulaw"})
        response = await client.answer()
        heard, _ = server.cast.transcriber.requests[0]
    assert {name: session[name] for name in formats} == formats
    assert session["turn_detection"] is None
    assert len(heard) == 300 * 16
    assert response["output_audio_format"] == "g711_ulaw"
    (words,) = client.of("response.audio_transcript.done")
    sent_bytes = sum(len(frame["delta"]) * 3 // 4 for frame in client.of("response.audio.delta"))
    rate_hz = codec_of(PcmuFormat()).rate_hz
    assert sent_bytes == pytest.approx(len(words["transcript"]) * 0.060 * rate_hz, abs=30)


async def test_a_function_is_called_and_its_output_answered():
    script = Script(answers=(Take((Call("get_weather", '{"city": "Oslo"}'),)),))
    async with running_server(script, beta_dialect=True) as server, beta_client(server) as client:
        await client.sdk.session.update(
            session={"tools": [WEATHER], "tool_choice": "auto", "modalities": ["text"]}
        )
        await client.until("session.updated")
        await client.sdk.conversation.item.create(item=user_message("Is it raining in Oslo?"))
        await client.sdk.response.create()
        called = await client.collect("response.done")
        call = called[-1]["response"]["output"][0]
        await client.sdk.conversation.item.create(
            item={"type": "function_call_output", "call_id": call["call_id"], "output": "Rain."}
        )
        await client.sdk.response.create()
        answered = await client.collect("response.done")
    assert in_short(called) == [
        "conversation.item.created",
        "response.created",
        "response.output_item.added",
        "conversation.item.created",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.done",
    ]
    assert (call["name"], call["arguments"]) == ("get_weather", '{"city": "Oslo"}')
    assert call["object"] == "realtime.item"
    assert answered[0]["item"]["output"] == "Rain."
    assert answered[-1]["response"]["status"] == "completed"


async def test_parameters_of_one_response_have_their_old_names():
    async with running_server(beta_dialect=True) as server, beta_client(server) as client:
        await client.sdk.response.create(
            response={
                "modalities": ["text"],
                "max_response_output_tokens": 50,
                "temperature": 1.0,
                "conversation": "none",
                "metadata": {"topic": "greeting"},
                "input": [user_message("Good morning.")],
            }
        )
        response = await client.answer()
    assert response["modalities"] == ["text"]
    assert response["max_output_tokens"] == 50
    assert response["conversation_id"] is None
    assert response["metadata"] == {"topic": "greeting"}
    assert response["output"][0]["content"][0]["text"] == "You said: Good morning."
    assert not client.of("conversation.item.created")


async def test_old_parts_of_messages_are_taken_and_given_back():
    item = {
        "id": "item_earlier",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "How may I help?"}],
    }
    async with running_server(beta_dialect=True) as server, beta_client(server) as client:
        await client.sdk.conversation.item.create(item=item)  # type: ignore[arg-type]
        created = await client.until("conversation.item.created")
        await client.sdk.conversation.item.retrieve(item_id="item_earlier")
        retrieved = await client.until("conversation.item.retrieved")
    assert created["item"]["content"] == retrieved["item"]["content"] == item["content"]
    assert created["previous_item_id"] is None


async def test_a_cancelled_answer_ends():
    async with running_server(beta_dialect=True) as server, beta_client(server) as client:
        await client.sdk.conversation.item.create(item=user_message("Tell me all. " * 200))
        await client.sdk.response.create()
        await client.until("response.audio.delta")
        await client.sdk.response.cancel()
        response = await client.answer()
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}


@pytest.mark.parametrize(
    ("event", "param", "message"),
    [
        (
            {"type": "session.update", "session": {"speed": 9}},
            "session.speed",
            "Invalid 'session.speed': decimal above maximum value.",
        ),
        (
            {"type": "session.update", "session": {"output_audio_format": "mp3"}},
            "session.output_audio_format",
            "Supported values are: 'pcm16', 'g711_ulaw', and 'g711_alaw'.",
        ),
        (
            {"type": "response.create", "response": {"max_response_output_tokens": 0}},
            "response.max_response_output_tokens",
            "Invalid 'response.max_response_output_tokens': integer below minimum value.",
        ),
    ],
)
async def test_errors_name_the_field_as_the_client_did(event, param, message):
    async with running_server(beta_dialect=True) as server, beta_client(server) as client:
        await client.send(event.pop("type"), event_id="mine", **event)
        error = (await client.until("error"))["error"]
    assert error["param"] == param
    assert message in error["message"]
    assert error["event_id"] == "mine"
