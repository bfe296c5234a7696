"""The official SDK transcribes files and has texts spoken, with its own types."""

from __future__ import annotations

import io
from typing import Any

import pytest
import soundfile
from openai import APIError, BadRequestError, RateLimitError
from openai.types.audio import (
    Transcription,
    TranscriptionDiarized,
    TranscriptionTextDoneEvent,
    TranscriptionVerbose,
    Translation,
    TranslationVerbose,
)

from antiphon.config import Limits
from antiphon.engines.scripted.script import Fail, Say, Script, SpeakerSays, Take
from tests.support.server import running_server
from tests.support.sound import as_file, silence, speech

FILE = ("speech.wav", as_file(speech(2000) + silence(2000) + speech(2000)))
SCRIPT = Script(
    transcriptions=(Take((Say("Good morning."),)), Take((Say("How are you?"),))),
    ms_per_character=50,
)
TEXT = "Good morning. How are you?"


async def transcribed(script: Script = SCRIPT, **options: Any) -> Any:
    async with running_server(script) as server, server.openai() as openai:
        return await openai.audio.transcriptions.create(file=FILE, model="whisper-1", **options)


async def test_a_transcription():
    result = await transcribed(include=["logprobs"], prompt="Greetings", temperature=0.2)
    assert isinstance(result, Transcription)
    assert result.text == TEXT
    assert result.logprobs is not None
    assert "".join(one.token or "" for one in result.logprobs) == TEXT
    assert result.usage is not None
    assert result.usage.type == "duration"
    Transcription.model_validate(result.model_dump(exclude_unset=True), strict=True)


async def test_a_transcription_with_times():
    result = await transcribed(
        response_format="verbose_json", timestamp_granularities=["segment"], language="en"
    )
    assert isinstance(result, TranscriptionVerbose)
    assert [segment.text for segment in result.segments or ()] == ["Good morning.", "How are you?"]
    assert result.language == "english"
    TranscriptionVerbose.model_validate(result.model_dump(exclude_unset=True), strict=True)


async def test_a_transcription_with_times_of_words():
    result = await transcribed(response_format="verbose_json", timestamp_granularities=["word"])
    assert isinstance(result, TranscriptionVerbose)
    assert " ".join(one.word for one in result.words or ()) == "Good morning How are you"
    assert result.segments is None
    TranscriptionVerbose.model_validate(result.model_dump(exclude_unset=True), strict=True)


@pytest.mark.filterwarnings("ignore:deprecated")  # by the SDK, with the endpoint
async def test_translations():
    async with running_server(SCRIPT) as server, server.openai() as openai:
        create = openai.audio.translations.create
        short = await create(file=FILE, model="whisper-1", prompt="Greetings", temperature=0.2)
        assert isinstance(short, Translation)
        assert short.text == TEXT
        verbose = await create(file=FILE, model="whisper-1", response_format="verbose_json")
    assert isinstance(verbose, TranslationVerbose)
    assert verbose.language == "english"
    TranslationVerbose.model_validate(verbose.model_dump(exclude_unset=True), strict=True)


async def test_a_transcription_with_speakers():
    script = Script(transcriptions=(Take((SpeakerSays("A", "Good morning.", 0, 2000),)),))
    result = await transcribed(script, response_format="diarized_json", chunking_strategy="auto")
    assert isinstance(result, TranscriptionDiarized)
    assert [segment.speaker for segment in result.segments] == ["A"]
    TranscriptionDiarized.model_validate(result.model_dump(exclude_unset=True), strict=True)


@pytest.mark.parametrize("response_format", ["text", "srt", "vtt"])
async def test_transcriptions_as_text(response_format):
    result = await transcribed(response_format=response_format)
    assert isinstance(result, str)
    assert "Good morning." in result


async def test_the_sdks_way_to_send_lists_and_objects_is_understood():
    async with running_server(SCRIPT) as server, server.openai() as openai:
        result = await openai.audio.transcriptions.create(
            file=FILE,
            model="gpt-transcribe",
            chunking_strategy={"type": "server_vad", "silence_duration_ms": 3000},
            keywords=["Oslo", "Bergen"],
            languages=["en"],
        )
        ((_, hints),) = server.cast.transcriber.requests
    assert result.text == "Good morning."
    assert (hints.keywords, hints.languages) == (("Oslo", "Bergen"), ("en",))


async def test_a_transcription_that_is_streamed():
    async with running_server(SCRIPT) as server, server.openai() as openai:
        stream = await openai.audio.transcriptions.create(
            file=FILE, model="gpt-4o-transcribe", stream=True, include=["logprobs"]
        )
        events = [event async for event in stream]
    *deltas, done = events
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert "".join(getattr(event, "delta", "") for event in deltas) == TEXT
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert done.text == TEXT
    for event in events:
        type(event).model_validate(event.model_dump(exclude_unset=True), strict=True)


async def test_speakers_that_are_streamed():
    script = Script(transcriptions=(Take((SpeakerSays("A", "Good morning.", 0, 2000),)),))
    async with running_server(script) as server, server.openai() as openai:
        stream = await openai.audio.transcriptions.create(
            file=FILE, model="m", stream=True, response_format="diarized_json"
        )
        events = [event async for event in stream]
    (segment,) = [event for event in events if event.type == "transcript.text.segment"]
    assert (segment.speaker, segment.text) == ("A", "Good morning.")


async def test_a_stream_that_fails_raises_what_happened():
    script = Script(transcriptions=(Take((Say("Good"), Fail("It fell over."))),))
    async with running_server(script) as server, server.openai() as openai:
        stream = await openai.audio.transcriptions.create(file=FILE, model="m", stream=True)
        with pytest.raises(APIError, match="fell over"):
            async for _ in stream:
                pass


async def test_a_file_that_cannot_be_read_is_the_clients_fault():
    async with running_server() as server, server.openai() as openai:
        with pytest.raises(BadRequestError, match="corrupted") as refusal:
            await openai.audio.transcriptions.create(file=("a.wav", b"junk"), model="m")
    assert refusal.value.param == "file"


async def test_a_limit_is_an_error_of_its_own():
    limits = Limits(requests_per_minute=1)
    async with running_server(rate_limits=limits) as server, server.openai() as openai:
        await openai.audio.speech.create(model="tts-1", voice="nova", input="Hello")
        with pytest.raises(RateLimitError) as refusal:
            await openai.audio.speech.create(model="tts-1", voice="nova", input="Hello")
    assert refusal.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize("response_format", ["mp3", "opus", "flac", "wav"])
async def test_a_text_is_spoken(response_format):
    async with running_server(SCRIPT) as server, server.openai() as openai:
        file = await openai.audio.speech.create(
            model="gpt-4o-mini-tts",
            voice="nova",
            input="x" * 20,
            instructions="Speak like a pirate.",
            response_format=response_format,
        )
    samples, rate_hz = soundfile.read(io.BytesIO(file.content))
    assert len(samples) / rate_hz == pytest.approx(1, abs=0.1)


async def test_a_text_is_spoken_into_a_file_as_it_comes(tmp_path):
    async with (
        running_server(SCRIPT) as server,
        server.openai() as openai,
        openai.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input="x" * 20, response_format="wav"
        ) as response,
    ):
        await response.stream_to_file(tmp_path / "speech.wav")
    assert soundfile.info(tmp_path / "speech.wav").duration == 1
