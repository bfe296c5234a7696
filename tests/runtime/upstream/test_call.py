"""A relayed session that is held as a call; the service behind is this very server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection

from antiphon.engines.scripted.script import Say, Script, Take
from antiphon.runtime.openings import Opening
from antiphon.runtime.outbox import HARD_BOUND_BYTES
from antiphon.transports.webrtc.answer import MAX_RECEIVED_MESSAGE_BYTES
from antiphon.wire.session import TranscriptionSessionUpdate
from tests.support.calls import CallClient, Phone, phone_in
from tests.support.client import PATIENCE_S, transcript_of, types
from tests.support.relay import front_of, relaying
from tests.support.server import running_server
from tests.support.sound import as_base64, silence, speech
from tests.support.strange_service import CREATED, Behaviour, say, service

TURN = speech(700) + silence(800)
STORY = "One two three. Four five six. " * 20
LONG = Script(answers=(Take((Say(STORY),)),))


@asynccontextmanager
async def open_phone(script: Script | None = None, **model: Any) -> AsyncIterator[Phone]:
    async with relaying(script, model=model) as relay, phone_in(relay.front) as phone:
        yield phone


async def begin_story(phone: Phone) -> CallClient:
    client = await phone.call()
    await client.write("Tell me a story.")
    await client.send("response.create")
    await client.until("output_audio_buffer.started")
    return client


async def words_of(client: CallClient, item_id: str) -> str:
    await client.send("conversation.item.retrieve", item_id=item_id)
    (part,) = (await client.until("conversation.item.retrieved"))["item"]["content"]
    return str(part["transcript"])


async def test_what_is_said_into_the_microphone_is_answered_aloud():
    async with open_phone() as phone:
        client = await phone.call()
        await client.talk(TURN)
        response = await client.answer()
        frames = types(await client.collect("output_audio_buffer.stopped"))
        sounding_ms = client.sounding_ms
    assert transcript_of(response) == "You said: Hello there."
    assert sounding_ms > 500
    assert "response.output_audio.delta" not in frames


async def test_playback_is_told_and_sound_is_not_sent_as_events():
    async with open_phone() as phone:
        client = await phone.call()
        await client.write("Hello?")
        await client.send("response.create")
        frames = types(await client.collect("output_audio_buffer.stopped"))
    assert "response.output_audio.delta" not in frames
    told = [frames.index(f"output_audio_buffer.{one}") for one in ("started", "stopped")]
    assert frames.index("response.content_part.added") < told[0] < told[1]
    assert frames.index("response.done") < told[1]


async def test_whoever_speaks_silences_the_answer_and_the_service_is_told_what_was_heard():
    async with open_phone(LONG) as phone:
        client = await begin_story(phone)
        await anyio.sleep(1.0)
        client.take_what_came()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.talk, speech(700))
            frames = await client.collect("conversation.item.truncated")
            sounding_ms = client.sounding_ms
            await anyio.sleep(0.2)
            tasks.cancel_scope.cancel()
        assert client.sounding_ms <= sounding_ms + 40
        truncated = frames[-1]
        words = await words_of(client, truncated["item_id"])
    order = types(frames)
    assert order.index("input_audio_buffer.speech_started") < order.index(
        "output_audio_buffer.cleared"
    )
    assert "output_audio_buffer.stopped" not in order
    assert truncated["audio_end_ms"] == pytest.approx(sounding_ms, abs=40)
    assert STORY.startswith(words)
    assert len(words) < len(STORY) / 2


async def test_speech_that_is_not_to_interrupt_does_not():
    async with open_phone(LONG) as phone:
        client = await phone.call()
        detection = {"type": "server_vad", "interrupt_response": False, "create_response": False}
        await client.update(audio={"input": {"turn_detection": detection}})
        await client.write("Tell me a story.")
        await client.send("response.create")
        await client.until("output_audio_buffer.started")
        await client.talk(TURN)
        frames = types(await client.collect("input_audio_buffer.committed"))
        before_ms = client.sounding_ms
        await anyio.sleep(0.2)
        assert client.sounding_ms > before_ms
    assert "output_audio_buffer.cleared" not in frames


async def test_the_client_can_stop_the_sound():
    async with open_phone(LONG) as phone:
        client = await begin_story(phone)
        await client.send("output_audio_buffer.clear")
        frames = types(await client.collect("conversation.item.truncated"))
        before_ms = client.sounding_ms
        await anyio.sleep(0.2)
        assert client.sounding_ms == before_ms
    assert frames.count("output_audio_buffer.cleared") == 1
    assert "error" not in frames


async def test_what_is_said_beside_the_conversation_is_not_interrupted():
    async with open_phone(LONG) as phone:
        client = await phone.call()
        await client.send("response.create", response={"conversation": "none"})
        await client.until("output_audio_buffer.started")
        await client.talk(speech(700))
        frames = types(await client.collect("input_audio_buffer.speech_started"))
        before_ms = client.sounding_ms
        await anyio.sleep(0.2)
        assert client.sounding_ms > before_ms
    assert "output_audio_buffer.cleared" not in frames


@pytest.mark.parametrize("side", ["session", "response"])
async def test_whatever_format_is_named_the_sound_is_the_transport_s_own(side):
    pcmu = {"output": {"format": {"type": "audio/pcmu"}}}
    async with open_phone() as phone:
        client = await phone.call()
        if side == "session":
            await client.update(audio=pcmu | {"input": {"format": {"type": "audio/pcmu"}}})
        await client.write("Hello?")
        await client.send("response.create", response={"audio": pcmu} if side == "response" else {})
        assert (await client.answer())["audio"]["output"]["format"]["type"] == "audio/pcm"
        await client.until("output_audio_buffer.stopped")
        assert 500 < client.sounding_ms < 5_000


async def test_sound_in_an_event_is_refused():
    async with open_phone() as phone:
        client = await phone.call()
        audio = as_base64(speech(100))
        await client.send("input_audio_buffer.append", audio=audio, event_id="mine")
        error = (await client.next())["error"]
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "type", "mine")
    assert "the audio track" in error["message"]


async def test_a_transcription_session_listens_to_a_call():
    async with open_phone() as phone:
        opening = Opening(
            kind="transcription", model="antiphon", settings=TranscriptionSessionUpdate()
        )
        client = await phone.dial(opening)
        await client.until("session.created")
        await client.talk(TURN)
        completed = "conversation.item.input_audio_transcription.completed"
        assert (await client.until(completed))["transcript"] == "Hello there."
        assert client.sounding_ms == 0


async def test_a_client_that_vanishes_leaves_nothing_behind():
    async with relaying(LONG) as relay, phone_in(relay.front) as phone:
        client = await begin_story(phone)
        client.line.break_off("the client vanished")
        with anyio.fail_after(PATIENCE_S):
            while relay.front.reception.open_sessions or relay.behind.reception.open_sessions:
                await anyio.lowlevel.checkpoint()


async def test_a_service_that_is_lost_ends_the_call_and_says_why():
    async with relaying(LONG) as relay, phone_in(relay.front) as phone:
        client = await begin_story(phone)
        relay.behind.stop()
        frames = await client.collect("error")
        await client.line.closed.wait()
    assert frames[-1]["error"]["code"] == "upstream_lost"
    assert "response.done" in types(frames)


@asynccontextmanager
async def calling_before(service_does: Behaviour) -> AsyncIterator[CallClient]:
    """Call a server whose model is answered by a service that behaves like this."""
    async with (
        service(service_does) as url,
        running_server(**front_of(url)) as front,
        phone_in(front) as phone,
    ):
        yield await phone.dial()


async def test_a_service_that_does_not_listen_is_given_up():
    async def is_deaf(connection: ServerConnection) -> None:
        await say(connection, **CREATED)
        await anyio.sleep_forever()

    async with calling_before(is_deaf) as client:
        await client.until("session.created")
        for _ in range(10):  # minutes
            client.line.events.on_audio(np.zeros(60 * 16_000, np.float32))
            await anyio.lowlevel.checkpoint()
        assert (await client.until("error"))["error"]["code"] == "upstream_lost"
        await client.line.closed.wait()


async def test_a_client_cannot_write_without_end_to_a_service_that_is_not_there_yet():
    async def is_slow(_connection: ServerConnection) -> None:
        await anyio.sleep_forever()

    async with calling_before(is_slow) as client:
        for _ in range(HARD_BOUND_BYTES // MAX_RECEIVED_MESSAGE_BYTES + 1):
            await client.send_raw("x" * MAX_RECEIVED_MESSAGE_BYTES)
        assert (await client.next())["error"]["code"] == "upstream_unavailable"
        await client.line.closed.wait()
