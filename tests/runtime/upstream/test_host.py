from __future__ import annotations

import gc
import json

import anyio
import pytest
from websockets.exceptions import InvalidStatus

from antiphon.config import Config
from antiphon.engines.scripted.script import Say, Script, Take
from antiphon.errors import RequestError
from antiphon.runtime.loading import load_models
from antiphon.runtime.outbox import HARD_BOUND_BYTES, SOFT_BOUND_BYTES
from antiphon.runtime.reception import open_reception
from antiphon.runtime.upstream.host import UpstreamHost
from tests.support.client import PATIENCE_S, Frame, types
from tests.support.memory import MemoryClient, open_room
from tests.support.relay import front_of, relaying
from tests.support.server import SocketClient, running_server
from tests.support.sound import silence, speech
from tests.support.strange_service import CREATED, say, service

TURN = speech(700) + silence(800)


async def unchecked(client: SocketClient) -> Frame:
    """Wait for a frame that the SDK has no type for."""
    with anyio.fail_after(PATIENCE_S):
        frame: Frame = json.loads(await client.socket.recv())
    return frame


def open_relay() -> UpstreamHost:
    """The only relayed session that is open."""
    hosts = [one for one in gc.get_objects() if isinstance(one, UpstreamHost)]
    (host,) = [one for one in hosts if not one.outbox.closed]
    return host


# --- how a session begins -------------------------------------------------------------------------


async def test_a_session_begins_as_its_model_and_its_client_want_it():
    session = {"instructions": "Sing.", "audio": {"output": {"voice": "bass"}}}
    async with (
        relaying(model={"session": session}) as relay,
        relay.front.socket("/v1/realtime?model=antiphon") as client,
    ):
        created = (await client.next())["session"]
        assert (created["model"], created["instructions"]) == ("antiphon", "Sing.")
        assert created["audio"]["output"]["voice"] == "bass"
        await client.ask("Well?")
        (request,) = relay.behind.cast.language_model.requests
        assert (request.messages[0].text, request.model) == ("Sing.", "behind")
        assert not client.of("session.updated")
        assert len(client.of("session.created")) == 1


async def test_a_client_keeps_the_name_that_it_asked_for_whatever_it_names_later():
    async with relaying() as relay, relay.front.socket("/v1/realtime?model=gpt-9") as client:
        assert (await client.next())["session"]["model"] == "gpt-9"
        updated = await client.update(model="gpt-10", instructions="Be brief.")
        assert updated["session"]["model"] == "gpt-9"
        assert updated["session"]["instructions"] == "Be brief."


async def test_what_comes_before_the_session_has_begun_is_answered_afterwards():
    async with relaying() as relay, relay.front.socket() as client:
        await client.send_raw("{")
        await client.send_raw(b"\x00")
        await client.send("session.update", session={"type": "realtime", "instructions": "Hm."})
        frames = [await client.next() for _ in range(4)]
    assert types(frames) == ["session.created", "error", "error", "session.updated"]


async def test_settings_that_the_service_refuses_end_the_session_as_here():
    model = {"session": {"audio": {"output": {"voice": "nobody"}}}}
    async with relaying(model=model) as relay, relay.front.socket() as client:
        error = (await client.next())["error"]
        code, reason = await client.closed()
    assert error["param"] == "session.audio.output.voice"
    assert error["event_id"] is None
    assert (code, reason) == (4000, "invalid_request_error.invalid_value")


async def test_a_transcription_session_is_relayed():
    script = Script(sentence="What time is it?")
    async with (
        relaying(script) as relay,
        relay.front.socket("/v1/realtime?intent=transcription") as client,
    ):
        await client.until("session.created")
        await client.append(TURN)
        heard = await client.until("conversation.item.input_audio_transcription.completed")
    assert heard["transcript"] == "What time is it?"


async def test_a_client_of_the_beta_protocol_is_understood():
    async with (
        relaying(beta_dialect=True) as relay,
        relay.front.socket(headers={"OpenAI-Beta": "realtime=v1"}) as client,
    ):
        session = (await unchecked(client))["session"]
        assert session["input_audio_format"] == "pcm16"
        await client.send("session.update", session={"modalities": ["text"]})
        assert (await unchecked(client))["session"]["modalities"] == ["text"]
        await client.send("response.create", response={"instructions": "Hello?"})
        kinds = [(await unchecked(client))["type"] for _ in range(7)]
    assert kinds[0] == "response.created"
    assert "response.text.delta" in kinds


async def test_what_is_no_session_of_speech_is_refused():
    async with relaying() as relay:
        body = {"model": "antiphon", "input": "Hello.", "voice": "alto"}
        spoken = await relay.front.request("POST", "/v1/audio/speech", json=body)
        async with relay.front.socket("/v1/realtime/translations?model=antiphon") as client:
            error = (await unchecked(client))["error"]
    assert spoken.json()["error"]["code"] == error["code"] == "not_implemented"
    assert "relayed to another service" in error["message"]


async def test_a_server_whose_models_are_all_relayed_needs_no_engines(tmp_path):
    config = Config(home=tmp_path, **front_of("http://127.0.0.1:1"))
    async with load_models(config) as models, open_reception(config, models) as reception:
        await reception.warm()
        assert reception.models.names == ("antiphon",)


# --- both ways ------------------------------------------------------------------------------------


async def test_a_mistake_of_the_client_never_reaches_the_service():
    seen: list[str] = []

    async def listens(connection) -> None:
        await say(connection, **CREATED)
        async for frame in connection:
            seen.append(json.loads(frame)["type"])
            await say(connection, type="input_audio_buffer.cleared")

    async with (
        service(listens) as url,
        running_server(**front_of(url)) as front,
        front.sdk() as client,
    ):
        for mistake in ("{", "[]", '{"type": "sing"}', '{"type": "session.update"}'):
            await client.send_raw(mistake)
            await client.next()
        await client.send("input_audio_buffer.clear")
        while not client.of("input_audio_buffer.cleared"):
            await client.next()
    assert len(client.of("error")) == 4
    assert seen == ["input_audio_buffer.clear"]


async def test_events_that_this_server_does_not_know_are_passed_on():
    async def talks(connection) -> None:
        await say(connection, **CREATED)
        await say(connection, type="response.dreamt", response_id="resp_1", dream={"of": "sheep"})
        await connection.wait_closed()

    async with (
        service(talks) as url,
        running_server(**front_of(url)) as front,
        front.socket() as client,
    ):
        await client.next()
        assert (await unchecked(client))["dream"] == {"of": "sheep"}


async def test_a_client_that_reads_slowly_holds_the_service_back():
    words = " ".join(["word"] * 700)
    script = Script(answers=(Take((Say(words),)),))
    async with (
        running_server(script) as behind,
        open_room(**front_of(behind.url)) as room,
    ):
        client = await room.enter()
        host = open_relay()
        await client.write("Talk to me.")
        client.stop_reading()
        await client.send("response.create")
        with anyio.fail_after(30):
            while host.outbox.held_bytes <= SOFT_BOUND_BYTES:
                await anyio.lowlevel.checkpoint()
        client.read_on()
        highest_bytes = total_chars = 0
        frame = ""
        while not frame.startswith('{"type":"response.done"'):
            highest_bytes = max(highest_bytes, host.outbox.held_bytes)
            frame = await client.receive()
            total_chars += len(frame)
        client.leave()
        await client.over.wait()
    assert json.loads(frame)["response"]["status"] == "completed"
    assert total_chars > 10 * SOFT_BOUND_BYTES
    assert highest_bytes < SOFT_BOUND_BYTES + 100_000


async def test_a_service_that_reads_slowly_holds_the_client_back():
    goes_on = anyio.Event()
    size = 0

    async def listens_late(connection) -> None:
        nonlocal size
        await say(connection, **CREATED)
        await goes_on.wait()
        async for frame in connection:
            size += len(frame)
            if json.loads(frame)["type"] == "input_audio_buffer.clear":
                await say(connection, type="input_audio_buffer.cleared")

    async with service(listens_late) as url, open_room(**front_of(url)) as room:
        client = await room.enter()
        host = open_relay()
        for _ in range(8):  # far more than sockets hold
            await client.append(bytes(3_000_000), chunk_bytes=3_000_000)
        await client.send("input_audio_buffer.clear")
        with anyio.fail_after(30):
            while host._upward.held_bytes <= SOFT_BOUND_BYTES:
                await anyio.lowlevel.checkpoint()
        assert client._to_server.qsize() > 0
        assert host._upward.held_bytes < SOFT_BOUND_BYTES + 5_000_000
        goes_on.set()
        await client.until("input_audio_buffer.cleared")
        client.leave()
        await client.over.wait()
    assert size > 8 * 4_000_000


@pytest.mark.parametrize(
    "take",
    [
        lambda host: host.refuse(RequestError("It is no event. " * 10)),
        lambda host: host.receive(""),
        lambda host: host.receive("x" * 1_000),
    ],
    ids=["refusals", "empty", "frames"],
)
async def test_what_comes_before_the_session_has_begun_is_bounded_whatever_it_is(take):
    async def is_slow(_connection) -> None:
        await anyio.sleep_forever()

    async with service(is_slow) as url, open_room(**front_of(url)) as room:
        client = MemoryClient()
        room.tasks.start_soon(room.serve, client)
        await client.accepted.wait()
        host = open_relay()
        for _ in range(HARD_BOUND_BYTES // 50):
            take(host)
        assert len(host._early) < HARD_BOUND_BYTES // 90  # each takes 100 bytes and more
        assert (await client.next())["error"]["code"] == "upstream_unavailable"
        await client.over.wait()


# --- what this server keeps -----------------------------------------------------------------------


async def test_a_relayed_answer_leaves_a_timeline():
    async with relaying() as relay, relay.front.sdk() as client:
        await client.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await client.append(TURN)
        response = await client.answer()
        timeline = relay.front.reception.timelines.find(response["id"])
    assert timeline is not None
    assert set(timeline.as_ms()) == {
        "turn_ended",
        "created",
        "transcribed",
        "first_token",
        "first_audio",
        "ended",
    }


async def test_a_relayed_session_takes_up_a_place():
    async with relaying(max_sessions=1) as relay, relay.front.sdk():
        with pytest.raises(InvalidStatus, match="503"):
            async with relay.front.socket():
                pass


async def test_a_session_in_which_nothing_happens_is_ended_here_whatever_the_service_thinks():
    async with relaying(session_idle_s=0.2) as relay, relay.front.socket() as client:
        await client.until("session.created")
        assert await client.closed() == (
            1001,
            "Nothing has happened in the session for 0.2 seconds.",
        )


async def test_a_session_lasts_no_longer_than_this_server_has_it():
    async with relaying(max_session_s=0.3) as relay, relay.front.socket() as client:
        message = "Your session hit the maximum duration of 0.3 seconds."
        assert await client.closed() == (1001, message)
    assert client.frames[-1]["error"]["code"] == "session_expired"
