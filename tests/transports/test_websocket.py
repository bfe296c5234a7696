"""A session over a WebSocket that stays in the process, so that waiting takes no time."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import anyio
import anyio.lowlevel
import pytest

from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.engines.base import EngineInfo
from antiphon.engines.scripted.script import Gate, Say, Script, Sound, Take, WaitFor
from antiphon.engines.scripted.thinking import ScriptedLanguageModel
from antiphon.engines.thinking import GenerationEvent, GenerationRequest
from antiphon.runtime.hosts import CLOSE_TIMEOUT_S
from antiphon.runtime.outbox import SOFT_BOUND_BYTES
from tests.support.cast import make_cast
from tests.support.client import transcript_of, types
from tests.support.memory import MemoryClient, open_room
from tests.support.sound import as_base64, silence, speech

TURN = speech(700) + silence(800)
MAX_APPEND_BYTES = 15 << 20


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


def event(event_type: str, **fields: object) -> str:
    return json.dumps({"type": event_type, **fields})


def message(**fields: object) -> dict[str, object]:
    return {"type": "message", "role": "user", **fields}


Refused = dict[str, tuple[str | bytes, str, str | None]]
"""Frames with the code and the parameter of their refusals, by what is wrong with them."""

NO_EVENTS: Refused = {
    "no JSON": ("{", "invalid_event", None),
    "nothing": ("", "invalid_event", None),
    "no object": ("[]", "invalid_event", None),
    "too deep": ("[" * 100_000, "invalid_event", None),
    "no type": ("{}", "invalid_event", "type"),
    "a number as type": ('{"type": 7}', "invalid_type", "type"),
    "unknown type": (event("session.destroy"), "invalid_value", "type"),
    "an event of the server": (event("response.done"), "invalid_value", "type"),
    "a beta event": (event("transcription_session.update"), "invalid_value", "type"),
    "binary frame": (b"\x00\x01", "invalid_event", None),
    "event in a binary frame": (event("response.create").encode(), "invalid_event", None),
}

WRONG_FIELDS: Refused = {
    "no session": (event("session.update"), "missing_required_parameter", "session"),
    "no session type": (
        event("session.update", session={}),
        "missing_required_parameter",
        "session.type",
    ),
    "a number as response": (event("response.create", response=7), "invalid_type", "response"),
    "a text as limit": (
        event("response.create", response={"max_output_tokens": "many"}),
        "invalid_value",
        "response.max_output_tokens",
    ),
    "a list as item id": (
        event("conversation.item.delete", item_id=["x"]),
        "invalid_type",
        "item_id",
    ),
}

WRONG_AUDIO: Refused = {
    "no audio": (event("input_audio_buffer.append"), "missing_required_parameter", "audio"),
    "no base64": (event("input_audio_buffer.append", audio="***"), "invalid_value", "audio"),
    "base64 without padding": (
        event("input_audio_buffer.append", audio="AAA"),
        "invalid_value",
        "audio",
    ),
    "half a sample": (
        event("input_audio_buffer.append", audio=as_base64(bytes(3))),
        "invalid_value",
        "audio",
    ),
    "over 15 MiB": (
        event("input_audio_buffer.append", audio=as_base64(bytes(MAX_APPEND_BYTES + 2))),
        "invalid_value",
        "audio",
    ),
    "half a sample in an item": (
        event(
            "conversation.item.create",
            item=message(content=[{"type": "input_audio", "audio": as_base64(bytes(3))}]),
        ),
        "invalid_value",
        "item.content[0].audio",
    ),
    "commit of nothing": (
        event("input_audio_buffer.commit"),
        "input_audio_buffer_commit_empty",
        None,
    ),
}

UNKNOWN_IDS: Refused = {
    "delete": (event("conversation.item.delete", item_id="x"), "item_delete_invalid_item_id", None),
    "retrieve": (
        event("conversation.item.retrieve", item_id="x"),
        "item_retrieve_invalid_item_id",
        None,
    ),
    "truncate": (
        event("conversation.item.truncate", item_id="x", content_index=0, audio_end_ms=0),
        "item_truncate_invalid_item_id",
        None,
    ),
    "insert after": (
        event(
            "conversation.item.create",
            previous_item_id="x",
            item=message(content=[{"type": "input_text", "text": "Hello."}]),
        ),
        "item_create_invalid_previous_item_id",
        None,
    ),
    "output of a call": (
        event(
            "conversation.item.create",
            item={"type": "function_call_output", "call_id": "x", "output": "1"},
        ),
        "invalid_tool_call_id",
        "item.call_id",
    ),
    "cancel": (event("response.cancel", response_id="x"), "response_cancel_not_active", None),
    "refer to": (
        event("response.create", response={"input": [{"type": "item_reference", "id": "x"}]}),
        "invalid_value",
        "response.input[0].id",
    ),
}

REFUSED = NO_EVENTS | WRONG_FIELDS | WRONG_AUDIO | UNKNOWN_IDS


@pytest.mark.parametrize(("frame", "code", "param"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_frame_that_cannot_be_taken_is_refused_and_the_session_goes_on(frame, code, param):
    async with open_room() as room:
        client = await room.enter()
        await client.send_raw(frame)
        error = (await client.until("error"))["error"]
        response = await client.ask("Still there?")
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert error["param"] == param
    assert error["message"]
    assert transcript_of(response) == "You said: Still there?."
    assert len(client.of("error")) == 1


async def test_a_session_survives_all_of_them_in_a_row():
    async with open_room() as room:
        client = await room.enter()
        for frame, _, _ in REFUSED.values():
            await client.send_raw(frame)
        for _ in REFUSED:
            await client.until("error")
        response = await client.ask("Still there?")
    assert response["status"] == "completed"


@pytest.mark.parametrize("audio_bytes", [2, 4_800, MAX_APPEND_BYTES])
async def test_audio_up_to_15_mib_is_taken_at_once(audio_bytes):
    async with open_room() as room:
        client = await room.enter()
        await client.append(bytes(audio_bytes), chunk_bytes=audio_bytes)
        response = await client.ask("Still there?")
    assert response["status"] == "completed"
    assert not client.of("error")


@pytest.mark.parametrize(
    "frame",
    [
        event("session.update", event_id="mine", session={}),
        event("input_audio_buffer.append", event_id="mine", audio="***"),
        event("input_audio_buffer.append", event_id="mine", audio=as_base64(bytes(3))),
        event("input_audio_buffer.commit", event_id="mine"),
        event("response.cancel", event_id="mine"),
        event("no.such.event", event_id="mine"),
    ],
)
async def test_a_refusal_names_the_clients_own_id_of_the_event(frame):
    async with open_room() as room:
        client = await room.enter()
        await client.send_raw(frame)
        error = (await client.until("error"))["error"]
    assert error["event_id"] == "mine"


# --- clients that do not read ---------------------------------------------------------------------

SENTENCES = 20
SENTENCE_S = 10
WIRE_BYTES_PER_S = 24_000 * 2 * 4 // 3


def reading_aloud() -> Script:
    """An answer of many sentences, each long to speak."""
    text = " ".join("This takes a while." for _ in range(SENTENCES))
    return Script(
        answers=(Take((Say(text),)),),
        speeches=tuple(Take((Sound(SENTENCE_S * 1000),)) for _ in range(SENTENCES)),
    )


async def test_an_answer_waits_for_a_client_that_does_not_read():
    async with open_room(reading_aloud()) as room:
        client = await room.enter()
        await client.write("Read it to me.")
        client.stop_reading()
        await client.send("response.create")
        await anyio.sleep(600)
        spoken_bytes = len(room.cast.synthesizer.requests) * SENTENCE_S * WIRE_BYTES_PER_S
        assert spoken_bytes <= SOFT_BOUND_BYTES + 2 * SENTENCE_S * WIRE_BYTES_PER_S
        client.read_on()
        response = await client.answer()
    assert response["status"] == "completed"
    assert len(room.cast.synthesizer.requests) == SENTENCES
    assert len(client.audio_of(response["id"])) == SENTENCES * SENTENCE_S * 48_000


async def test_a_waiting_answer_can_be_cancelled():
    async with open_room(reading_aloud()) as room:
        client = await room.enter()
        await client.write("Read it to me.")
        client.stop_reading()
        await client.send("response.create")
        await anyio.sleep(600)
        await client.send("response.cancel")
        await anyio.sleep(1)
        assert room.cast.stage.running == 0
        client.read_on()
        response = await client.answer()
    assert response["status"] == "cancelled"


async def overflow(client: MemoryClient) -> None:
    """Make the server want to send 10 MB, more than it holds back."""
    session = {"type": "realtime", "instructions": "x" * 250_000}
    for _ in range(40):
        await client.send("session.update", session=session)
    await anyio.sleep(0.1)


async def test_a_client_that_reads_again_learns_why_it_was_given_up():
    async with open_room() as room:
        client = await room.enter()
        client.stop_reading()
        await overflow(client)
        client.read_on()
        await client.over.wait()
        assert room.reception.open_sessions == 0
    assert client.closed == (1013, "The client does not read what it is sent.")
    assert client.waiting_frames <= 2  # what was held back for it was thrown away


async def test_a_client_that_never_reads_again_does_not_keep_its_session():
    async with open_room() as room:
        client = await room.enter()
        client.stop_reading()
        await overflow(client)
        assert room.reception.open_sessions == 1
        await anyio.sleep(CLOSE_TIMEOUT_S + 1)
        assert client.over.is_set()
        assert room.reception.open_sessions == 0


async def test_giving_a_client_up_stops_its_answer():
    gate = Gate()
    async with open_room(Script(answers=(Take((WaitFor(gate),)),))) as room:
        client = await room.enter()
        await client.write("Think hard.")
        await client.send("response.create")
        await gate.reached()
        client.stop_reading()
        await overflow(client)
        assert room.cast.stage.running == 0


# --- clients that vanish, sessions that end -------------------------------------------------------


@pytest.mark.parametrize("answering", [True, False])
async def test_a_client_that_vanishes_leaves_nothing_behind(answering):
    gate = Gate()
    before = len(anyio.get_running_tasks())
    async with open_room(Script(answers=(Take((Say("One."), WaitFor(gate))),))) as room:
        idle = len(anyio.get_running_tasks())
        client = await room.enter()
        if answering:
            await client.write("Count.")
            await client.send("response.create")
            await gate.reached()
        client.leave()
        await client.over.wait()
        await anyio.lowlevel.checkpoint()
        assert room.cast.stage.running == 0
        assert room.reception.open_sessions == 0
        assert len(anyio.get_running_tasks()) == idle
    assert len(anyio.get_running_tasks()) == before
    assert client.closed is None


async def test_a_transcription_under_way_ends_with_the_connection():
    gate = Gate()
    async with open_room(Script(transcriptions=(Take((WaitFor(gate),)),))) as room:
        client = await room.enter()
        await client.append(TURN)
        await gate.reached()
        client.leave()
        await client.over.wait()
        assert room.cast.stage.running == 0


async def test_a_session_ends_after_an_hour():
    async with open_room() as room:
        client = await room.enter()
        await anyio.sleep(SESSION_LIFETIME_S - 1)
        assert client.waiting_frames == 0
        await anyio.sleep(2)
        error = (await client.until("error"))["error"]
        await client.over.wait()
        assert room.reception.open_sessions == 0
    expired = "Your session hit the maximum duration of 60 minutes."
    assert (error["code"], error["message"]) == ("session_expired", expired)
    assert client.closed == (1001, expired)


async def test_an_answer_under_way_is_ended_before_its_session():
    gate = Gate()
    async with open_room(Script(answers=(Take((Say("One."), WaitFor(gate))),))) as room:
        client = await room.enter()
        await anyio.sleep(SESSION_LIFETIME_S - 1)
        await client.write("Count.")
        await client.send("response.create")
        await gate.reached()
        await anyio.sleep(2)
        frames = await client.collect("error")
        await client.over.wait()
        assert room.cast.stage.running == 0
    assert types(frames)[-2:] == ["response.done", "error"]
    assert frames[-2]["response"]["status"] == "cancelled"
    assert client.closed is not None


# --- mistakes -------------------------------------------------------------------------------------


class BrokenLanguageModel(ScriptedLanguageModel):
    """One that raises what engines must not raise."""

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        if request.messages[-1].text == "Break.":
            raise ZeroDivisionError
        async with aclosing(super().generate(request)) as events:
            async for one in events:
                yield one


async def test_a_mistake_in_an_engine_ends_its_session_and_no_other(caplog):
    info = EngineInfo(name="broken", role="language_model")
    cast = replace(make_cast(), language_model=BrokenLanguageModel(info, Script()))
    async with open_room(cast=cast) as room:
        unlucky, other = await room.enter(), await room.enter()
        await unlucky.write("Break.")
        await unlucky.send("response.create")
        with caplog.at_level(logging.ERROR):
            await unlucky.over.wait()
        response = await other.ask("Still there?")
        assert room.reception.open_sessions == 1
    assert unlucky.closed == (1011, "The server made a mistake.")
    assert "ZeroDivisionError" in caplog.text
    assert response["status"] == "completed"


# --- a session in which nothing happens -----------------------------------------------------------


async def test_an_idle_session_is_a_single_task():
    async with open_room() as room:
        before = len(asyncio.all_tasks())
        clients = [await room.enter() for _ in range(3)]
        await anyio.sleep(1)
        assert len(asyncio.all_tasks()) == before + len(clients)
        response = await clients[0].ask("Are you still there?")
        await anyio.sleep(1)
        assert len(asyncio.all_tasks()) == before + len(clients)
    assert response["status"] == "completed"


# --- audio that comes back ------------------------------------------------------------------------


async def test_what_was_said_and_answered_can_be_heard_again():
    async with open_room() as room:
        client = await room.enter()
        await client.update(audio={"input": {"turn_detection": None}})
        await client.send("input_audio_buffer.append", audio=as_base64(speech(500)))
        await client.send("input_audio_buffer.commit")
        question = (await client.until("input_audio_buffer.committed"))["item_id"]
        await client.send("response.create")
        done = await client.until("response.done")
        answer = done["response"]["output"][0]["id"]
        deltas = [f["delta"] for f in client.frames if f["type"] == "response.output_audio.delta"]
        await client.send("conversation.item.retrieve", item_id=question)
        heard = (await client.until("conversation.item.retrieved"))["item"]["content"][0]
        await client.send("conversation.item.retrieve", item_id=answer)
        said = (await client.until("conversation.item.retrieved"))["item"]["content"][0]
    assert len(base64.b64decode(heard["audio"])) == 500 * 48
    assert heard["transcript"] == "Hello there."
    assert base64.b64decode(said["audio"]) == b"".join(map(base64.b64decode, deltas))
