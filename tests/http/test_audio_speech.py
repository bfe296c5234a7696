from __future__ import annotations

import base64
import io
import json
from typing import Any

import anyio
import av
import httpx2
import pytest
import soundfile

from antiphon.audio import ffmpeg
from antiphon.config import Limits
from antiphon.engines.scripted.script import Fail, Gate, Script, Sound, Take, WaitFor
from tests.support.server import Served, running_server

PATH = "/v1/audio/speech"
TEXT = "Good morning."
BODY = {"model": "tts-1", "input": TEXT, "voice": "alto"}
SPOKEN_S = len(TEXT) * 0.06


async def post(server: Served, **fields: Any) -> httpx2.Response:
    return await server.request("POST", PATH, json={**BODY, **fields})


async def answered(script: Script | None = None, **fields: Any) -> httpx2.Response:
    async with running_server(script) as server:
        response = await post(server, **fields)
        await server.wait_until_empty()
    return response


@pytest.mark.parametrize(
    ("response_format", "media_type", "container"),
    [
        (None, "audio/mpeg", "MP3"),
        ("opus", "audio/ogg", "OGG"),
        ("flac", "audio/flac", "FLAC"),
        ("wav", "audio/wav", "WAV"),
    ],
)
async def test_speech_is_a_file_of_the_kind_that_is_wanted(response_format, media_type, container):
    fields = {"response_format": response_format} if response_format else {}
    response = await answered(**fields)
    assert response.headers["content-type"] == media_type
    info = soundfile.info(io.BytesIO(response.content))
    assert (info.format, info.samplerate) == (container, 24_000)
    assert info.duration == pytest.approx(SPOKEN_S, abs=0.1)


async def test_speech_may_be_aac():
    response = await answered(response_format="aac")
    assert response.headers["content-type"] == "audio/aac"
    with av.open(io.BytesIO(response.content), "r", format="aac") as file:
        spoken = sum(frame.samples for frame in file.decode(audio=0)) / 24_000
    assert spoken == pytest.approx(SPOKEN_S, abs=0.1)


@pytest.mark.parametrize("speed", [0.25, 1.0, 4.0])
async def test_speech_is_as_fast_as_is_wanted(speed):
    response = await answered(response_format="pcm", speed=speed)
    assert len(response.content) / 48_000 == pytest.approx(SPOKEN_S / speed, rel=0.02)


@pytest.mark.parametrize("voice", ["marin", "nova", {"id": "bass"}])
async def test_voices_of_the_hosted_service_and_objects_are_taken(voice):
    async with running_server() as server:
        assert (await post(server, voice=voice)).status_code == 200
        (request,) = server.cast.synthesizer.requests
    assert request.voice == ("bass" if isinstance(voice, dict) else "alto")


async def test_speech_can_come_as_events():
    response = await answered(stream_format="sse", response_format="pcm", input="Good day")
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in response.text.splitlines() if line]
    *deltas, done = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    audio = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    assert len(audio) / 48_000 == pytest.approx(8 * 0.06, rel=0.02)
    assert done == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 2, "output_tokens": 10, "total_tokens": 12},
    }


async def test_speech_begins_while_it_is_spoken():
    gate = Gate()
    script = Script(speeches=(Take((Sound(500), WaitFor(gate), Sound(500))),))
    async with (
        running_server(script) as server,
        server.openai() as openai,
        openai.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alto", input=TEXT, response_format="pcm"
        ) as response,
    ):
        pieces = response.iter_bytes()
        heard = await anext(pieces)
        gate.open()
        async for piece in pieces:
            heard += piece
    assert len(heard) == 48_000


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"input": ""}, "invalid_value", "input"),
        ({"input": "x" * 4097}, "string_above_max_length", "input"),
        ({"input": " "}, "invalid_value", "input"),
        ({"input": "...", "stream_format": "sse"}, "invalid_value", "input"),
        ({"voice": "nobody"}, "invalid_value", "voice"),
        ({"speed": 4.1}, "invalid_value", "speed"),
        ({"response_format": "doc"}, "invalid_value", "response_format"),
        ({"stream_format": "x"}, "invalid_value", "stream_format"),
    ],
)
async def test_what_cannot_be_done_is_refused(fields, code, param):
    response = await answered(**fields)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"]) == (code, param)


async def test_a_voice_that_there_is_not_is_refused_with_all_that_there_are():
    message = (await answered(voice="nobody")).json()["error"]["message"]
    for voice in ("alto", "marin", "fable", "nova", "onyx"):
        assert f"'{voice}'" in message


async def test_what_would_take_more_than_is_installed_is_refused(monkeypatch):
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    error = (await answered(response_format="aac")).json()["error"]
    assert (error["code"], error["param"]) == ("not_implemented", "response_format")
    assert "antiphon[recordings]" in error["message"]


async def test_the_voice_has_to_be_named():
    async with running_server() as server:
        response = await server.request("POST", PATH, json={"input": TEXT})
    assert response.json()["error"]["param"] == "voice"


async def test_engines_that_fail_at_first_are_named():
    response = await answered(Script(speeches=(Take((Fail("It fell over."),)),)))
    assert response.status_code == 500
    assert "It fell over" in response.json()["error"]["message"]


async def test_a_file_that_fails_later_is_not_taken_for_whole():
    script = Script(speeches=(Take((Sound(500), Fail("It fell over."))),))
    async with running_server(script) as server:
        with pytest.raises(httpx2.RemoteProtocolError):
            await post(server, response_format="pcm")
        await server.wait_until_empty()


async def test_events_tell_of_a_later_failure():
    script = Script(speeches=(Take((Sound(500), Fail("It fell over."))),))
    response = await answered(script, response_format="pcm", stream_format="sse")
    assert "It fell over" in response.text.splitlines()[-2]


async def test_a_full_server_says_when_to_come_back():
    async with running_server(max_sessions=1) as server, server.sdk():
        response = await post(server)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "server_full"


async def test_requests_count_towards_the_limits_of_their_key():
    async with running_server(rate_limits=Limits(requests_per_minute=1)) as server:
        first, second = await post(server), await post(server)
    assert (first.status_code, second.status_code) == (200, 429)


async def test_the_synthesizer_stops_when_the_client_goes_away():
    gate = Gate()
    script = Script(speeches=(Take((Sound(500), WaitFor(gate))),))
    async with running_server(script) as server:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(post, server)
            await gate.reached()
            tasks.cancel_scope.cancel()
        await server.wait_until_empty()
        assert server.cast.stage.running == 0
