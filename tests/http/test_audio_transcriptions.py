from __future__ import annotations

import json
from typing import Any

import anyio
import httpx2
import pytest

from antiphon.config import Limits
from antiphon.engines.scripted.script import Fail, Gate, Say, Script, SpeakerSays, Take, WaitFor
from tests.support.server import Served, running_server
from tests.support.sound import as_file, as_recording, silence, speech

PATH = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"
TWO = as_file(speech(2000) + silence(2000) + speech(2000) + silence(1000))
SCRIPT = Script(transcriptions=(Take((Say("Good morning."),)), Take((Say("How are you?"),))))


async def post(
    server: Served, file: bytes = TWO, *, headers: dict[str, str] | None = None, **fields: Any
) -> httpx2.Response:
    """Send a form, as programs without an SDK do."""
    async with httpx2.AsyncClient(base_url=server.url) as client:
        return await client.post(
            PATH, files={"file": ("a.wav", file)}, data=fields, headers=headers, timeout=30
        )


async def answered(script: Script = SCRIPT, file: bytes = TWO, **fields: Any) -> httpx2.Response:
    async with running_server(script) as server:
        response = await post(server, file, **fields)
        await server.wait_until_empty()
    return response


async def refused(script: Script = SCRIPT, file: bytes = TWO, **fields: Any) -> dict[str, Any]:
    response = await answered(script, file, **fields)
    assert response.status_code == 400, response.text
    error: dict[str, Any] = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    return error


async def test_json_is_the_default():
    response = await answered()
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "text": "Good morning. How are you?",
        "usage": {"type": "duration", "seconds": 7.0},
    }


@pytest.mark.parametrize(
    ("response_format", "media_type", "begins"),
    [
        ("text", "text/plain", "Good morning. How are you?\n"),
        ("srt", "application/x-subrip", "1\n00:00:00,000 --> 00:00:02,"),
        ("vtt", "text/vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:02."),
    ],
)
async def test_formats_of_text(response_format, media_type, begins):
    response = await answered(response_format=response_format)
    assert response.headers["content-type"].startswith(media_type)
    assert response.text.startswith(begins)


async def test_verbose_json_tells_what_was_said_when():
    body = (await answered(response_format="verbose_json", language="en")).json()
    assert (body["task"], body["language"], body["duration"]) == ("transcribe", "english", 7.0)
    first, second = body["segments"]
    assert (first["id"], first["start"], first["text"]) == (0, 0.0, "Good morning.")
    assert first["end"] < second["start"] < 4
    assert second["avg_logprob"] == -0.125
    assert 0 < second["compression_ratio"] < 2


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["word"], {"words"}),
        (["segment"], {"segments"}),
        (["word", "segment"], {"words", "segments"}),
    ],
)
async def test_times_of_words_and_passages_are_told_as_they_are_asked_for(asked, told):
    fields = {"response_format": "verbose_json", "timestamp_granularities[]": asked}
    body = (await answered(SCRIPT, TWO, **fields)).json()
    assert body.keys() & {"words", "segments"} == told
    if "words" in told:
        words = body["words"]
        assert [one["word"] for one in words] == ["Good", "morning", "How", "are", "you"]
        assert words[0]["start"] == 0
        assert words[1]["end"] < words[2]["start"], "it begins after the pause"
        assert 3 < words[2]["start"] < words[4]["start"] < words[4]["end"] <= 7


async def test_languages_that_were_heard_are_told():
    script = Script(languages=("de",))
    assert (await answered(script)).json()["languages"] == [{"code": "de"}]
    assert (await answered(script, response_format="verbose_json")).json()["language"] == "german"


async def test_diarized_json_tells_who_said_what():
    says = (SpeakerSays("A", "Good morning.", 0, 2000), SpeakerSays("B", " Hello.", 4000, 6000))
    script = Script(transcriptions=(Take(says),))
    body = (await answered(script, response_format="diarized_json")).json()
    assert body["text"] == "Good morning. Hello."
    assert body["segments"][1] == {
        "type": "transcript.text.segment",
        "id": "seg_001",
        "start": 4.0,
        "end": 6.0,
        "text": "Hello.",
        "speaker": "B",
    }


async def test_log_probabilities_are_told_if_they_are_wanted():
    body = (await answered(SCRIPT, TWO, **{"include[]": "logprobs"})).json()
    assert [one["token"] for one in body["logprobs"]] == [
        *("Good", " morning."),
        *(" How", " are", " you?"),
    ]


async def translated(**fields: Any) -> httpx2.Response:
    """The answer to a file that is to be told in English."""
    async with running_server(SCRIPT) as server:
        async with httpx2.AsyncClient(base_url=server.url) as client:
            response = await client.post(TRANSLATIONS, files={"file": ("a", TWO)}, data=fields)
        asked = [request for _, request in server.cast.transcriber.requests]
        assert all(request.translate and request.language is None for request in asked)
        await server.wait_until_empty()
    return response


async def test_a_translation_has_the_text_and_no_more():
    assert (await translated()).json() == {"text": "Good morning. How are you?"}


async def test_a_translation_may_have_times():
    body = (await translated(response_format="verbose_json")).json()
    assert (body["task"], body["language"], body["duration"]) == ("translate", "english", 7.0)
    assert [one["text"] for one in body["segments"]] == ["Good morning.", "How are you?"]
    subtitles = await translated(response_format="vtt")
    assert subtitles.text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:02.")


async def test_a_translation_has_no_speakers():
    error = (await translated(response_format="diarized_json")).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "response_format")


async def test_a_file_without_speech_has_no_words():
    assert (await answered(file=as_file(silence(3000)))).json()["text"] == ""


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"temperature": "2"}, "invalid_value", "temperature"),
        ({"response_format": "doc"}, "invalid_value", "response_format"),
        ({"stream": "true", "response_format": "srt"}, "invalid_value", "stream"),
    ],
)
async def test_what_cannot_be_done_is_refused(fields, code, param):
    error = await refused(**fields)
    assert (error["code"], error["param"]) == (code, param)


@pytest.mark.parametrize(("container", "codec"), [("webm", "libopus"), ("mp4", "aac")])
async def test_what_a_browser_records_is_heard(container, codec):
    file = as_recording(speech(2000) + silence(1000), container, codec)
    said = (await answered(file=file, response_format="verbose_json")).json()
    assert said["text"] == "Good morning."
    assert said["duration"] == pytest.approx(3.0, abs=0.1)


async def test_a_file_that_cannot_be_read_is_refused():
    assert (await refused(file=b"junk"))["param"] == "file"


async def test_a_strict_server_refuses_models_it_does_not_have():
    async with running_server(strict_models=True) as server:
        response = await post(server, model="whisper-1")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


async def test_engines_that_fail_are_named():
    script = Script(transcriptions=(Take((Fail("It fell over.", code="broken"),)),))
    response = await answered(script)
    assert response.status_code == 500
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("server_error", "broken")
    assert "It fell over" in error["message"]


async def test_engines_without_room_say_when_to_come_back():
    overloaded = Fail("Too much to do.", code="server_overloaded", retryable=True)
    response = await answered(Script(transcriptions=(Take((overloaded,)),)))
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0


async def test_a_full_server_says_when_to_come_back():
    async with running_server(max_sessions=1) as server, server.sdk():
        response = await post(server)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["error"]["code"] == "server_full"


async def test_requests_count_towards_the_limits_of_their_key():
    limits = Limits(requests_per_minute=1)
    async with running_server(SCRIPT, rate_limits=limits) as server:
        first, second = await post(server), await post(server)
    assert (first.status_code, second.status_code) == (200, 429)
    assert 0 < int(second.headers["retry-after"]) <= 60
    assert second.json()["error"]["code"] == "rate_limit_exceeded"


async def test_the_transcriber_stops_when_the_client_goes_away():
    gate = Gate()
    script = Script(transcriptions=(Take((WaitFor(gate),)),))
    async with running_server(script) as server:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(post, server)
            await gate.reached()
            tasks.cancel_scope.cancel()
        await server.wait_until_empty()
        assert server.cast.stage.running == 0


async def test_a_stream_tells_the_words_before_all_are_known():
    gate = Gate()
    script = Script(transcriptions=(Take((Say("Good"), WaitFor(gate), Say(" morning."))),))
    async with (
        running_server(script) as server,
        server.openai() as openai,
        await openai.audio.transcriptions.create(
            file=("a.wav", as_file(speech(2000))), model="whisper-1", stream=True
        ) as events,
    ):
        first = await anext(aiter(events))
        assert (first.type, getattr(first, "delta", None)) == ("transcript.text.delta", "Good")
        gate.open()
        *_, last = [event async for event in events]
    assert (last.type, getattr(last, "text", None)) == ("transcript.text.done", "Good morning.")


async def test_a_stream_ends_with_what_it_cost_in_tokens():
    response = await answered(stream="true")
    done = json.loads(response.text.split("data: ")[-1])
    assert done["usage"] == {
        "type": "tokens",
        "input_tokens": 70,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 70},
        "output_tokens": 5,
        "total_tokens": 75,
    }
