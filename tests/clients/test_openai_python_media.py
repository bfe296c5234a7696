"""The official SDK, images, voices by other names, and what a transcript can tell besides words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from openai import BadRequestError

from antiphon.engines.scripted.hearing import LOGPROB
from antiphon.engines.scripted.script import Script, SpeakerSays, Take
from antiphon.runtime.engine_set import SpokenVoice
from tests.support.cast import make_cast
from tests.support.client import transcript_of
from tests.support.server import running_server, serving
from tests.support.sound import silence, speech

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SHOWN = {
    "type": "message",
    "role": "user",
    "content": [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": PIXEL, "detail": "low"},
    ],
}
INCLUDE = ["item.input_audio_transcription.logprobs"]
HEARD = "conversation.item.input_audio_transcription"


async def test_a_model_that_sees_is_shown_the_image():
    async with running_server(Script(images=True)) as server, server.sdk() as client:
        await client.update(output_modalities=["text"])
        await client.send("conversation.item.create", item=SHOWN)
        await client.until("conversation.item.done")
        await client.send("response.create")
        response = await client.answer()
        message = server.cast.language_model.requests[-1].messages[-1]
    assert [(image.url, image.detail) for image in message.images] == [(PIXEL, "low")]
    assert transcript_of(response) == "You said: What is this?."
    assert response["usage"]["input_token_details"]["image_tokens"] == 0


async def test_a_model_that_does_not_see_is_named_and_the_conversation_goes_on():
    async with running_server() as server, server.sdk() as client:
        await client.send("conversation.item.create", item=SHOWN, event_id="shown")
        error = (await client.next())["error"]
        assert (error["code"], error["event_id"]) == ("unsupported_content_type", "shown")
        assert "'scripted' cannot see images" in error["message"]
        response = await client.ask("Never mind.")
    assert response["status"] == "completed"


async def test_a_transcription_session_tells_words_tokens_speakers_and_languages():
    turns = (SpeakerSays("A", "Hello.", 0, 400), SpeakerSays("B", " Hi!", 400, 800))
    script = Script(transcriptions=(Take(steps=turns),), languages=("en",))
    path = "/v1/realtime?intent=transcription"
    async with running_server(script) as server, server.socket(path) as client:
        await client.send(
            "session.update",
            session={
                "type": "transcription",
                "include": INCLUDE,
                "audio": {"input": {"turn_detection": None}},
            },
        )
        await client.until("session.updated")
        await client.append(speech(1000))
        await client.send("input_audio_buffer.commit")
        completed = await client.until(f"{HEARD}.completed")
        segments = client.of(f"{HEARD}.segment")
        deltas = client.of(f"{HEARD}.delta")
    assert [(one["speaker"], one["start"], one["end"], one["text"]) for one in segments] == [
        ("A", 0, 0.4, "Hello."),
        ("B", 0.4, 0.8, "Hi!"),
    ]
    tokens = [(one["token"], one["logprob"]) for one in completed["logprobs"]]
    assert tokens == [("Hello.", LOGPROB), (" Hi!", LOGPROB)]
    assert [one for delta in deltas for one in delta["logprobs"]] == completed["logprobs"]
    assert completed["languages"] == [{"code": "en"}]
    assert completed["usage"] == {"type": "duration", "seconds": 1.0}


async def test_a_spoken_turn_costs_as_many_seconds_as_it_lasts():
    async with running_server() as server, server.sdk() as client:
        await client.update(audio={"input": {"transcription": {}}})
        await client.append(silence(1000) + speech(800) + silence(1500))
        completed = await client.until(f"{HEARD}.completed")
        (started,) = client.of("input_audio_buffer.speech_started")
        (stopped,) = client.of("input_audio_buffer.speech_stopped")
    lasted_ms = stopped["audio_end_ms"] - started["audio_start_ms"]
    assert completed["usage"]["seconds"] * 1000 == pytest.approx(lasted_ms, abs=1)
    assert "logprobs" not in completed
    assert "languages" not in completed


async def test_the_operators_voices_are_spoken_and_unknown_ones_refused_everywhere(tmp_path):
    cast = make_cast()
    engines = replace(cast.engines, voice_names={"voice_123": SpokenVoice("bass")})
    known = "'alto', 'tenor', 'bass', 'voice_123'"
    async with serving(engines, home=tmp_path) as server, server.openai() as openai:
        async with server.sdk() as client:
            await client.update(audio={"output": {"voice": {"id": "voice_123"}}})
            response = await client.ask("Hello?")
            assert response["audio"]["output"]["voice"] == "voice_123"
            assert cast.synthesizer.requests[-1].voice == "bass"
            unknown = {"audio": {"output": {"voice": "nobody"}}}
            await client.send("response.create", response=unknown)
            refused = [await client.next()]
            await client.send("session.update", session={"type": "realtime", **unknown})
            refused.append(await client.next())
        with pytest.raises(BadRequestError) as secret:
            await openai.realtime.client_secrets.create(
                session={"type": "realtime", "audio": {"output": {"voice": "nobody"}}}
            )
    assert known in refused[0]["error"]["message"]
    assert refused[0]["error"]["param"] == "response.audio.output.voice"
    assert refused[1]["error"]["code"] == "cannot_update_voice"
    assert known in secret.value.message
    assert secret.value.param == "session.audio.output.voice"
