"""A server's synthesizer: what it is asked, and what becomes of its answers."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from antiphon.engines.base import EngineSettings
from antiphon.engines.conformance import events_of
from antiphon.engines.failover import FailoverSynthesizer
from antiphon.engines.http import factories
from antiphon.engines.scripted import speaking
from antiphon.engines.speaking import SpeechRequest
from antiphon.errors import EngineError
from tests.support.openai_server import PATIENCE_S, status

SPEECH = "/audio/speech"
WAV_HEADER = (
    b"RIFF\xff\xff\xff\xffWAVE"
    b"fmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0"  # 16 kHz, 16 bits, mono
    b"data\xff\xff\xff\xff"
)


@pytest.fixture
async def synthesizer(build):
    return await build(factories.create_synthesizer)


async def say(synthesizer, text="Hello there.", voice=None, speed=1.0):
    voice = voice or synthesizer.info.voices[0]
    request = SpeechRequest(text=text, voice=voice, speed=speed)
    return await events_of(synthesizer.synthesize(request))


async def test_what_it_is_asked(synthesizer, server):
    await say(synthesizer, voice="pete", speed=1.25)
    assert server.asked_for(SPEECH)[0].body == {
        "model": "parrot",
        "voice": "pete",
        "input": "Hello there.",
        "response_format": "pcm",
        "speed": 1.25,
    }


async def test_it_has_the_voices_that_the_server_lists(synthesizer):
    assert synthesizer.info.voices == ("polly", "pete")


async def test_or_those_that_the_operator_names(build, server):
    synthesizer = await build(factories.create_synthesizer, voices=["af_heart"])
    assert synthesizer.info.voices == ("af_heart",)
    assert server.asked_for("/audio/voices") == []


async def test_or_one_that_nearly_every_server_takes(build, server):
    server.tell("/audio/voices", status(404))
    assert (await build(factories.create_synthesizer)).info.voices == ("alloy",)


async def test_audio_is_passed_on_as_it_arrives(synthesizer, server):
    heard = threading.Event()

    def speak(reply):
        reply.stream("audio/pcm")
        reply.send(b"\0\x40" * 1000)
        assert heard.wait(PATIENCE_S)
        reply.send(b"\0\x20" * 1000)
        reply.end(done=False)

    server.tell(SPEECH, speak)
    levels = []
    async for chunk in synthesizer.synthesize(SpeechRequest(text="Hello.", voice="polly")):
        levels.append(float(chunk[0]))
        heard.set()
    assert levels == [0.5, 0.25]


async def test_a_wav_file_is_as_good(build, server):
    synthesizer = await build(factories.create_synthesizer, response_format="wav", rate_hz=16_000)
    server.tell(SPEECH, lambda reply: reply.whole(WAV_HEADER + b"\0\x40" * 100, "audio/wav"))
    chunks = await say(synthesizer)
    assert np.array_equal(np.concatenate(chunks), np.full(100, 0.5, np.float32))
    assert server.asked_for(SPEECH)[0].body["response_format"] == "wav"


async def test_audio_at_another_rate_is_refused_not_spoken(synthesizer, server, caplog):
    server.tell(SPEECH, lambda reply: reply.whole(WAV_HEADER, "audio/wav"))
    with pytest.raises(EngineError):
        await say(synthesizer)
    assert "audio at 16000 Hz; set the option rate_hz, which is 24000" in caplog.text


@pytest.mark.parametrize(
    ("body", "content_type", "told"),
    [
        (b"<html>Welcome</html>" * 100, "text/html", "text/html"),
        (b'{"error":{"message":"no such voice"}}', "audio/pcm", "text"),
        (b"\xff\xfb\x90\0" * 1000, "audio/mpeg", "audio/mpeg"),
        (b"\0\x40" * 1000, "audio/pcm; rate=16000", "audio at 16000 Hz"),
        (b"", "audio/pcm", "nothing to be heard; its length in bytes is 0"),
        (b"\1", "audio/pcm", "nothing to be heard; its length in bytes is 1"),
        (b"RIFF", "audio/wav", "nothing to be heard; its length in bytes is 4"),
    ],
)
async def test_a_fallback_speaks_where_the_answer_is_no_sound(
    synthesizer, server, caplog, body, content_type, told
):
    server.tell(SPEECH, lambda reply: reply.whole(body, content_type))
    other = speaking.create_synthesizer(EngineSettings(name="other", options={}))
    engine = FailoverSynthesizer(synthesizer, other)
    assert await say(engine)
    assert engine.answers == {1: 1}
    assert f"sent what cannot be read: {told}" in caplog.text


@pytest.mark.parametrize("text", ["\n ", "… !"])
async def test_nothing_to_say_is_not_asked(synthesizer, server, text):
    assert await say(synthesizer, text) == []
    assert server.asked_for(SPEECH) == []
