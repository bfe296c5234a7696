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


DEEP = b'{"text": "Hello", "more": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"


@pytest.mark.parametrize(
    "body",
    [
        *(b"Hello", b'["Hello"]', b"{", b"", DEEP),
        *(b"{}", b'{"text": null}', b'{"error": {"message": "out of memory"}}'),
        b'{"text": "Hello", "words": [{"word": "Hello", "start": 0, "end": Infinity}]}',
    ],
    ids=lambda body: body[:40].decode(),
)
async def test_answers_that_are_none(build, server, caplog, body):
    """They are no silence: another one may hear what was said."""
    transcriber = await build(factories.create_transcriber, failures_in_a_row=1)
    server.tell(TRANSCRIPTIONS, lambda reply: reply.whole(body, "application/json"))
    with pytest.raises(EngineError, match="not an answer") as caught:
        await hear(transcriber)
    assert caught.value.retryable
    assert "sent what cannot be read" in caplog.text
    with pytest.raises(EngineError, match="several times in a row"):
        await hear(transcriber)


async def test_log_probabilities_are_numbers_whatever_the_server_says(build, server):
    transcriber = await build(factories.create_transcriber, logprobs=True)
    body = (
        b'{"text": "Hello", "logprobs": [{"token": "Hel", "logprob": -Infinity},'
        b' {"token": "lo", "logprob": NaN}]}'
    )
    server.tell(TRANSCRIPTIONS, lambda reply: reply.whole(body, "application/json"))
    (transcript,) = await hear(transcriber, logprobs=True)
    assert [one.logprob for one in transcript.logprobs] == [-9999.0, 0.0]


async def test_half_a_character_is_told_as_one_that_is_unknown(build, server):
    transcriber = await build(factories.create_transcriber, logprobs=True, word_times=True)
    answer = {
        "text": "Hi \ud83d",
        "words": [{"word": "\ud83d", "start": 0, "end": 1}],
        "logprobs": [{"token": "Hi \ud83d", "logprob": -1}],
    }
    server.tell(TRANSCRIPTIONS, *[lambda reply: reply.json(answer)] * 2)
    (transcript,) = await hear(transcriber, word_times=True)
    assert (transcript.text, transcript.words[0].text) == ("Hi \ufffd", "\ufffd")
    (transcript,) = await hear(transcriber, logprobs=True)
    assert transcript.logprobs[0].token == "Hi \ufffd"


# --- streams --------------------------------------------------------------------------------------


def delta(text):
    return {"type": "transcript.text.delta", "delta": text}


def segment(text):
    return {"type": "transcript.text.segment", "text": text, "start": 0.0, "end": 1.0}


DONE = {"type": "transcript.text.done", "text": "Hello there."}


@pytest.mark.parametrize(
    ("events", "deltas"),
    [
        ([DONE], []),
        ([delta(" Hello"), delta(" there."), DONE, delta("?")], ["Hello", " there."]),
        ([delta("Hello there."), {"type": "transcript.text.done"}], ["Hello there."]),
        ([delta("Hello"), delta(" there.")], ["Hello", " there."]),
        ([segment("Hello"), segment(" there."), DONE], ["Hello", " there."]),
        ([segment("Hello"), segment("there.")], ["Hello", " there."]),
        ([{"text": " Hello"}, {"text": ""}, {"text": "there."}], ["Hello", " there."]),
        ([delta("Hello"), segment("Hello"), delta(" there."), DONE], ["Hello", " there."]),
        ([{"type": "usage", "text": "No."}, DONE], []),
    ],
    ids=[
        *("all at once", "word by word", "no more at the end", "no end"),
        *("segments", "segments without an end", "texts", "segments beside words", "others"),
    ],
)
async def test_words_of_a_stream(build, server, events, deltas):
    transcriber = await build(factories.create_transcriber, stream=True)
    server.tell(TRANSCRIPTIONS, streams(*events))
    told = [TranscriptDelta(text) for text in deltas]
    assert await hear(transcriber) == [*told, Transcript("Hello there.")]


async def test_no_words_in_a_stream_are_a_transcript(build, server):
    transcriber = await build(factories.create_transcriber, stream=True)
    server.tell(TRANSCRIPTIONS, streams({"type": "transcript.text.done", "text": ""}))
    assert await hear(transcriber) == [Transcript("")]


@pytest.mark.parametrize(
    "events",
    [[], [{}], [{"type": "transcript.text.done", "text": None}], [{"text": 5}], [[]]],
    ids=str,
)
async def test_streams_without_a_transcript(build, server, caplog, events):
    transcriber = await build(factories.create_transcriber, stream=True)
    server.tell(TRANSCRIPTIONS, streams(*events))
    with pytest.raises(EngineError, match="not an answer") as caught:
        await hear(transcriber)
    assert caught.value.retryable
    assert "sent what cannot be read" in caplog.text


async def test_a_stream_that_is_nested_too_deeply(build, server):
    transcriber = await build(factories.create_transcriber, stream=True)

    def nest(reply):
        reply.stream()
        reply.send(b"data: " + b"[" * 200_000 + b"\n\n")
        reply.end()

    server.tell(TRANSCRIPTIONS, nest)
    with pytest.raises(EngineError, match="not an answer"):
        await hear(transcriber)
