"""A server's transcriber: what it is asked, and what becomes of its answers."""

from __future__ import annotations

import io
import wave

import pytest

from antiphon.engines.conformance import events_of, noise
from antiphon.engines.hearing import TimedWord, Transcript, TranscriptDelta, TranscriptionRequest
from antiphon.engines.http import factories
from antiphon.errors import EngineError
from tests.support.openai_server import streams

TRANSCRIPTIONS = "/audio/transcriptions"
TRANSLATIONS = "/audio/translations"
SPEECH = noise(16_000)


@pytest.fixture
async def transcriber(build):
    return await build(factories.create_transcriber)


async def hear(transcriber, **fields):
    return await events_of(transcriber.transcribe(SPEECH, TranscriptionRequest(**fields)))


async def test_what_it_is_asked(transcriber, server):
    events = await hear(transcriber, language="de", prompt="A call.", keywords=("Antiphon", "Ute"))
    assert events == [Transcript("Hello there.")]
    (asked,) = server.asked_for(TRANSCRIPTIONS)
    assert asked.body == {
        "model": "parrot",
        "response_format": "json",
        "language": "de",
        "prompt": "A call. Antiphon, Ute",
    }
    with wave.open(io.BytesIO(asked.file)) as sent:
        form = (sent.getframerate(), sent.getnchannels(), sent.getsampwidth(), sent.getnframes())
    assert form == (16_000, 1, 2, len(SPEECH))


async def test_the_clients_model_is_asked_for_if_the_server_has_it(build, server):
    transcriber = await build(factories.create_transcriber, model=None)
    await hear(transcriber, model="parrot-large")
    await hear(transcriber, model="whisper-1")
    models = [asked.body["model"] for asked in server.asked_for(TRANSCRIPTIONS)]
    assert models == ["parrot-large", "parrot"]


async def test_no_words_are_a_transcript(transcriber, server):
    server.tell(TRANSCRIPTIONS, lambda reply: reply.json({"text": " "}))
    assert await hear(transcriber) == [Transcript("")]


async def test_words_come_as_they_are_found(build):
    transcriber = await build(factories.create_transcriber, stream=True)
    assert await hear(transcriber) == [
        TranscriptDelta("Hello"),
        TranscriptDelta(" there"),
        TranscriptDelta("."),
        Transcript("Hello there."),
    ]


async def test_log_probabilities_are_told_if_they_are_wanted(build, server):
    transcriber = await build(factories.create_transcriber, logprobs=True)
    tokens = [{"token": " Hel", "logprob": -0.5}, {"token": "lo", "logprob": -0.1}]
    server.tell(TRANSCRIPTIONS, lambda reply: reply.json({"text": " Hello", "logprobs": tokens}))
    (transcript,) = await hear(transcriber, logprobs=True)
    assert server.asked_for(TRANSCRIPTIONS)[0].body["include[]"] == "logprobs"
    assert transcript.logprobs == (), "they are not those of the text without the space"
    tokens[0]["token"] = "Hel"
    server.tell(TRANSCRIPTIONS, lambda reply: reply.json({"text": "Hello", "logprobs": tokens}))
    (transcript,) = await hear(transcriber, logprobs=True)
    assert [(one.token, one.logprob) for one in transcript.logprobs] == [
        ("Hel", -0.5),
        ("lo", -0.1),
    ]


@pytest.mark.parametrize(("told", "languages"), [("german", ("de",)), ("en", ("en",)), ("?", ())])
async def test_the_language_is_detected(build, server, told, languages):
    transcriber = await build(factories.create_transcriber, detects_language=True)
    server.tell(TRANSCRIPTIONS, lambda reply: reply.json({"text": "Na", "language": told}))
    assert await hear(transcriber) == [Transcript("Na", languages)]
    assert server.asked_for(TRANSCRIPTIONS)[0].body["response_format"] == "verbose_json"


async def test_it_is_asked_when_each_word_was_said(build, server):
    transcriber = await build(factories.create_transcriber, word_times=True, logprobs=True)
    words = [
        {"word": " Hello", "start": -0.1, "end": 0.5},
        {"word": "there", "start": 0.6, "end": 0.55},
    ]
    server.tell(TRANSCRIPTIONS, lambda reply: reply.json({"text": "Hello there.", "words": words}))
    (transcript,) = await hear(transcriber, word_times=True, logprobs=True)
    assert transcript.words == (TimedWord("Hello", 0.0, 0.5), TimedWord("there", 0.6, 0.6))
    (asked,) = server.asked_for(TRANSCRIPTIONS)
    assert asked.body["response_format"] == "verbose_json"
    assert asked.body["timestamp_granularities[]"] == "word"
    assert "include[]" not in asked.body, "that goes with the format 'json' only"


@pytest.mark.parametrize("streams", [True, False])
async def test_it_is_asked_to_translate(build, server, streams):
    transcriber = await build(factories.create_transcriber, translates=True, stream=streams)
    server.tell(TRANSLATIONS, lambda reply: reply.json({"text": "Good day."}))
    events = await hear(transcriber, translate=True, language="de", prompt="A call.")
    assert events == [Transcript("Good day.")]
    (asked,) = server.asked_for(TRANSLATIONS)
    assert asked.body == {"model": "parrot", "response_format": "json", "prompt": "A call."}


async def test_a_server_that_streams_tells_no_times(build):
    transcriber = await build(factories.create_transcriber, word_times=True, stream=True)
    assert not transcriber.info.word_times


async def test_a_server_that_does_not_stream_after_all(build, server):
    transcriber = await build(factories.create_transcriber, stream=True)
    server.tell(TRANSCRIPTIONS, lambda reply: reply.json({"text": "Hello"}))
    with pytest.raises(EngineError, match="not an answer"):
        await hear(transcriber)


@pytest.mark.parametrize("body", [b"Hello", b'["Hello"]', b"{"])
async def test_answers_that_are_none(transcriber, server, body):
    server.tell(TRANSCRIPTIONS, lambda reply: reply.whole(body, "application/json"))
    with pytest.raises(EngineError, match="not an answer"):
        await hear(transcriber)


async def test_a_stream_without_an_end(build, server):
    transcriber = await build(factories.create_transcriber, stream=True)
    server.tell(TRANSCRIPTIONS, streams({"type": "transcript.text.delta", "delta": "Hel"}))
    with pytest.raises(EngineError, match="not an answer"):
        await hear(transcriber)
