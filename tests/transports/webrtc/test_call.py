from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import numpy as np
import pytest

from antiphon.engines.scripted.script import Say, Script, Take
from antiphon.errors import BusyError, RequestError
from antiphon.runtime.hosts import SessionHost
from antiphon.runtime.openings import Opening
from antiphon.transports.webrtc.peer import MAX_MESSAGE_BYTES, Packets
from antiphon.wire.session import TranscriptionSessionUpdate
from tests.support.calls import UNUSABLE_OFFER, CallClient, Phone, phone_in
from tests.support.client import transcript_of, types
from tests.support.memory import open_room
from tests.support.sound import as_base64, silence, speech

TURN = speech(700) + silence(800)
STORY = "One two three. Four five six. " * 20
LONG = Script(answers=(Take((Say(STORY),)),))


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


@asynccontextmanager
async def open_phone(script: Script | None = None, **config: Any) -> AsyncIterator[Phone]:
    async with open_room(script, **config) as room, phone_in(room) as phone:
        yield phone


async def begin_story(phone: Phone) -> CallClient:
    """Call, have a long story told, and wait until it sounds and is all worked out."""
    client = await phone.call()
    await client.write("Tell me a story.")
    await client.send("response.create")
    await client.until("output_audio_buffer.started")
    return client


async def is_over(phone: Phone, client: CallClient) -> None:
    """Wait until nothing is left of a call."""
    await client.line.closed.wait()
    while phone.room.reception.open_sessions:
        await anyio.lowlevel.checkpoint()
    with pytest.raises(RequestError) as refusal:
        phone.find(client)
    assert refusal.value.code == "call_not_found"


# --- a conversation -------------------------------------------------------------------------------


async def test_what_is_said_into_the_microphone_is_answered_aloud():
    async with open_phone() as phone:
        client = await phone.call()
        await client.talk(TURN)
        response = await client.answer()
        await client.until("output_audio_buffer.stopped")
        sounding_ms = client.sounding_ms
    assert transcript_of(response) == "You said: Hello there."
    assert sounding_ms > 500


async def test_events_come_without_audio_and_playback_is_told():
    async with open_phone() as phone:
        client = await phone.call()
        await client.write("Hello?")
        await client.send("response.create")
        frames = types(await client.collect("output_audio_buffer.stopped"))
    assert "response.output_audio.delta" not in frames
    assert "response.output_audio.done" in frames
    told = [frames.index(f"output_audio_buffer.{one}") for one in ("started", "stopped")]
    assert frames.index("response.content_part.added") < told[0] < told[1]
    assert frames.index("response.done") < told[1]


async def test_an_answer_is_played_no_faster_than_it_sounds():
    async with open_phone(LONG) as phone:
        client = await begin_story(phone)
        began_s = anyio.current_time()
        await client.until("output_audio_buffer.stopped")
        took_ms = (anyio.current_time() - began_s) * 1000
        assert took_ms == pytest.approx(client.sounding_ms, rel=0.05)


async def test_while_nothing_is_said_silence_is_sent():
    async with open_phone() as phone:
        client = await phone.call()
        before = len(client.line.played)
        await anyio.sleep(1.0)
        heard = client.line.played[before:]
    assert len(heard) == pytest.approx(48_000, rel=0.05)
    assert not any(heard)


async def test_whatever_format_the_session_names_the_sound_is_the_transports_own():
    async with open_phone() as phone:
        client = await phone.call()
        await client.update(audio={"output": {"format": {"type": "audio/pcmu"}}})
        await client.ask("Hello?")
        await client.until("output_audio_buffer.stopped")
        samples = np.frombuffer(bytes(client.line.played), "<i2")
    assert 500 < client.sounding_ms < 5_000
    assert np.abs(np.diff(samples[samples != 0].astype(int))).max() < 8_000  # no noise of codes


# --- interruptions --------------------------------------------------------------------------------


async def test_whoever_speaks_silences_the_answer_within_a_frame():
    async with open_phone(LONG) as phone:
        client = await begin_story(phone)
        await anyio.sleep(1.0)
        client.take_what_came()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.talk, speech(700))
            await client.until("output_audio_buffer.cleared")
            sounding_ms = client.sounding_ms
            truncated = await client.until("conversation.item.truncated")
            await anyio.sleep(0.2)
            tasks.cancel_scope.cancel()
        assert client.sounding_ms <= sounding_ms + 20
    assert truncated["audio_end_ms"] == pytest.approx(sounding_ms, abs=20)


async def test_the_history_ends_with_the_words_that_were_heard():
    async with open_phone(LONG) as phone:
        client = await begin_story(phone)
        await anyio.sleep(2.0)
        await client.send("response.cancel")
        await client.send("output_audio_buffer.clear")
        item_id = (await client.until("conversation.item.truncated"))["item_id"]
        await client.send("conversation.item.retrieve", item_id=item_id)
        (part,) = (await client.until("conversation.item.retrieved"))["item"]["content"]
        await client.write("Go on.")
        await client.send("response.create")
        await client.until("response.created")
        await anyio.sleep(1.0)
        request = phone.room.cast.language_model.requests[-1]
    assert part["transcript"].startswith("One two three.")
    assert STORY.startswith(part["transcript"])
    assert len(part["transcript"]) < len(STORY) / 2
    assert [one.text for one in request.messages if one.role == "assistant"] == [part["transcript"]]


async def test_an_answer_waits_when_it_is_far_ahead_of_its_sound():
    async with open_phone(LONG) as phone:
        client = await begin_story(phone)
        await anyio.sleep(1.0)
        assert "response.done" not in "".join(client.take_what_came())
        await client.send("response.cancel")
        cancelled = await client.answer()
    assert cancelled["status_details"]["reason"] == "client_cancelled"


# --- what is different in a call ------------------------------------------------------------------


async def test_sound_in_an_event_is_refused():
    async with open_phone() as phone:
        client = await phone.call()
        audio = as_base64(speech(100))
        await client.send("input_audio_buffer.append", audio=audio, event_id="mine")
        error = (await client.next())["error"]
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "type", "mine")
    assert "the audio track" in error["message"]


async def test_turns_can_be_taken_by_hand():
    async with open_phone() as phone:
        client = await phone.call()
        await client.take_turns_by_hand()
        await client.talk(speech(500))
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.done")
        await client.send("response.create")
        assert (await client.answer())["status"] == "completed"


async def test_a_microphone_that_is_never_committed_is_heard_after_all():
    async with open_phone() as phone:
        client = await phone.call()
        await client.take_turns_by_hand()
        for _ in range(11):  # minutes, of which ten are kept
            client.line.events.on_audio(np.zeros(60 * 16_000, np.float32))
        await client.talk(speech(500))
        await client.send("input_audio_buffer.commit")
        await client.until("input_audio_buffer.committed")
        client.take_what_came()
        await client.send("response.create")
        assert (await client.answer())["status"] == "completed"


async def test_a_transcription_session_listens_to_a_call():
    settings = TranscriptionSessionUpdate()
    async with open_phone() as phone:
        client = await phone.dial(
            Opening(kind="transcription", model="antiphon", settings=settings)
        )
        await client.talk(TURN)
        completed = "conversation.item.input_audio_transcription.completed"
        assert (await client.until(completed))["transcript"] == "Hello there."
        assert client.sounding_ms == 0


async def test_what_is_too_long_for_the_channel_is_told_by_an_error():
    async with open_phone() as phone:
        client = await phone.call()
        long = "x" * MAX_MESSAGE_BYTES
        await client.send("session.update", session={"type": "realtime", "instructions": long})
        error = (await client.next())["error"]
        assert error["code"] == "event_too_long"
        assert "session.updated" in error["message"]
        assert (await client.ask("Hello?"))["status"] == "completed"


# --- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("talking", [False, True], ids=["silent", "in the midst of an answer"])
async def test_a_client_that_vanishes_leaves_nothing_behind(talking):
    async with open_phone(LONG) as phone:
        client = await (begin_story(phone) if talking else phone.call())
        client.line.break_off("the client vanished")
        await is_over(phone, client)
        assert phone.room.cast.stage.running == 0


async def test_hanging_up_ends_the_call():
    async with open_phone() as phone:
        client = await phone.call()
        phone.find(client).hang_up("for the test")
        await is_over(phone, client)
        # What was under way when it ended is not heard any more.
        client.line.events.on_audio(np.zeros(320, np.float32))
        client.line.events.on_message("{}")
        assert client.take_what_came() == []


async def test_the_session_s_end_is_that_of_the_call():
    async with open_phone() as phone:
        client = await phone.call()
        await anyio.sleep(3_600)
        assert (await client.next())["error"]["code"] == "session_expired"
        await is_over(phone, client)


async def test_the_server_s_end_is_that_of_its_calls():
    async with open_phone() as phone:
        client = await phone.call()
    assert client.line.closed.is_set()


async def test_a_mistake_ends_the_call_and_no_other(monkeypatch):
    async with open_phone() as phone:
        client, other = await phone.call(), await phone.call()

        def fail(_frame: object) -> None:
            message = "a mistake"
            raise ZeroDivisionError(message)

        host: SessionHost = phone.find(client).host
        monkeypatch.setattr(host, "receive", fail)
        await client.send("response.create")
        await client.line.closed.wait()
        assert (await other.ask("Hello?"))["status"] == "completed"


async def test_what_became_of_a_calls_packets_is_counted_when_it_is_over():
    async with open_phone() as phone:
        for lost in (2, 3):
            client = await phone.call()
            client.line.packets = Packets(heard=100, lost=lost, late=1)
            client.line.break_off("the client closed the connection")
            await is_over(phone, client)
        exported, _ = phone.room.reception.metrics.exposition("text/plain")
    for outcome, count in {"heard": 200, "lost": 5, "late": 2, "broken": 0}.items():
        assert f'antiphon_call_packets_total{{outcome="{outcome}"}} {count}.0' in exported.decode()


# --- calls that do not come about -----------------------------------------------------------------


async def test_an_offer_that_cannot_be_used_leaves_nothing_behind():
    async with open_phone() as phone:
        with pytest.raises(RequestError) as refusal:
            await phone.dial(offer=UNUSABLE_OFFER)
        assert refusal.value.code == "invalid_offer"
        assert phone.room.reception.open_sessions == 0
        assert phone.lines[-1].closed.is_set()


async def test_a_full_server_takes_no_calls():
    async with open_phone(max_sessions=1) as phone:
        client = await phone.call()
        with pytest.raises(BusyError) as refusal:
            await phone.dial()
        assert refusal.value.code == "server_full"
        client.line.break_off("the client closed the connection")
        await is_over(phone, client)
        await phone.call()


async def test_many_call_at_once():
    async with open_phone() as phone:
        clients = [await phone.call() for _ in range(10)]
        assert len({client.call_id for client in clients}) == 10

        async def converse(client: CallClient) -> None:
            await client.talk(TURN)
            assert (await client.answer())["status"] == "completed"
            await client.until("output_audio_buffer.stopped")

        async with anyio.create_task_group() as tasks:
            for client in clients:
                tasks.start_soon(converse, client)


async def test_a_call_in_which_nothing_happens_ends_and_one_with_a_microphone_goes_on():
    async with open_phone(session_idle_s=60) as phone:
        silent, heard = await phone.call(), await phone.call()
        for _ in range(3):
            await anyio.sleep(25)
            await heard.talk(silence(20))
        assert phone.room.reception.open_sessions == 1
        with pytest.raises(RequestError):
            phone.find(silent)
        await anyio.sleep(61)
        assert phone.room.reception.open_sessions == 0
        assert heard.line.closed.is_set()
