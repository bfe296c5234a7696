from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from antiphon.audio.files import AudioReader
from antiphon.core.clock import INPUT_CLOCK_HZ
from antiphon.engines.hearing import TranscriptionRequest
from antiphon.engines.scripted.script import Fail, Gate, Say, Script, SpeakerSays, Take, WaitFor
from antiphon.errors import EngineError
from antiphon.runtime.detection import Detection
from antiphon.runtime.files.transcribe import FileTranscription, SpeakerHeard, WordsHeard
from antiphon.wire.audio_config import ServerVad
from tests.support.cast import Cast, make_cast
from tests.support.sound import as_file, silence, speech

TWO = speech(2000) + silence(2000) + speech(2000) + silence(1000)

SCRIPT = Script(
    transcriptions=(Take((Say(" Good morning."),)), Take((Say("How are you?"),))),
    languages=("en",),
)


@asynccontextmanager
async def transcribing(
    audio: bytes, script: Script = SCRIPT, **options: Any
) -> AsyncIterator[tuple[FileTranscription, Cast]]:
    cast = make_cast(script)
    cast.transcriber.info = replace(
        cast.transcriber.info, max_audio_s=options.pop("max_audio_s", None)
    )
    detection = Detection(cast.voice_detector)
    request = options.pop("request", TranscriptionRequest())
    reader = AudioReader(io.BytesIO(as_file(audio)), INPUT_CLOCK_HZ)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(detection.run)
        yield FileTranscription(reader, cast.transcriber, detection, request, **options), cast
        tasks.cancel_scope.cancel()


async def events_of(work: FileTranscription) -> list[WordsHeard | SpeakerHeard]:
    async with aclosing(work.listen()) as events:
        return [event async for event in events]


async def test_the_words_of_all_pieces_are_one_text():
    async with transcribing(TWO) as (work, _):
        events = await events_of(work)
    deltas = [event.text for event in events if isinstance(event, WordsHeard)]
    assert deltas == ["Good", " morning.", " How", " are", " you?"]
    assert work.transcript.text == "".join(deltas)
    assert work.transcript.languages == ("en",)
    assert work.transcript.duration_s == 7


async def test_passages_are_what_was_said_between_pauses():
    async with transcribing(TWO) as (work, _):
        await events_of(work)
    first, second = work.transcript.passages
    assert (first.text, second.text) == ("Good morning.", "How are you?")
    assert first.start_s == 0
    assert 2 < first.end_s < second.start_s < 4
    assert second.end_s == pytest.approx(7, abs=0.1)


async def test_tokens_are_those_of_the_text_with_what_sets_pieces_apart():
    request = TranscriptionRequest(logprobs=True)
    async with transcribing(TWO, request=request) as (work, _):
        await events_of(work)
    heard = b"".join(bytes(one.bytes) for one in work.transcript.logprobs)
    assert heard.decode() == "".join(one.token for one in work.transcript.logprobs)
    assert heard.decode() == work.transcript.text
    assert [len(one.logprobs) for one in work.transcript.passages] == [2, 3]


async def test_a_piece_without_words_leaves_nothing():
    script = Script(transcriptions=(Take(()), Take((Say("How are you?"),))))
    async with transcribing(TWO, script) as (work, _):
        await events_of(work)
    assert work.transcript.text == "How are you?"
    assert [one.text for one in work.transcript.passages] == ["How are you?"]


async def test_hints_reach_the_transcriber():
    request = TranscriptionRequest(prompt="names", language="en")
    async with transcribing(TWO, request=request) as (work, cast):
        await events_of(work)
    assert [hints for _, hints in cast.transcriber.requests] == [request, request]


async def test_pieces_are_no_longer_than_the_transcriber_takes():
    async with transcribing(speech(20_000), max_audio_s=6.0) as (work, cast):
        await events_of(work)
    lengths = [len(audio) / INPUT_CLOCK_HZ for audio, _ in cast.transcriber.requests]
    assert len(lengths) >= 4
    assert max(lengths) <= 6


async def test_passages_with_times_are_as_short_as_subtitles():
    short_pauses = b"".join(speech(1500) + silence(600) for _ in range(4))
    async with transcribing(short_pauses) as (work, whole):
        await events_of(work)
    async with transcribing(short_pauses, timed=True) as (work, cut):
        await events_of(work)
    assert (len(whole.transcriber.requests), len(cut.transcriber.requests)) == (1, 4)


async def test_a_client_can_say_where_to_cut():
    rules = ServerVad(silence_duration_ms=3_000)
    async with transcribing(TWO, rules=rules) as (work, cast):
        await events_of(work)
    assert len(cast.transcriber.requests) == 1


async def test_who_speaks_is_told_apart_in_the_file_as_a_whole():
    says = (SpeakerSays("A", "Good morning.", 0, 2000), SpeakerSays("B", " Hello.", 4000, 6000))
    async with transcribing(TWO, Script(transcriptions=(Take(says),)), whole=True) as (work, cast):
        events = await events_of(work)
    ((audio, _),) = cast.transcriber.requests
    assert len(audio) == 7 * INPUT_CLOCK_HZ
    turns = [event for event in events if isinstance(event, SpeakerHeard)]
    assert [(one.number, one.turn.speaker, one.turn.start_s) for one in turns] == [
        (0, "A", 0.0),
        (1, "B", 4.0),
    ]
    assert work.transcript.turns == [one.turn for one in turns]


async def test_a_failure_ends_the_work():
    script = Script(transcriptions=(Take((Fail("It fell over."),)),))
    async with transcribing(TWO, script) as (work, cast):
        with pytest.raises(EngineError, match="fell over"):
            await events_of(work)
    assert cast.stage.running == 0


async def test_the_transcriber_stops_when_nobody_listens_any_more():
    gate = Gate()
    script = Script(transcriptions=(Take((Say("Good"), WaitFor(gate))),))
    async with transcribing(TWO, script) as (work, cast):
        events = work.listen()
        await anext(events)
        assert cast.stage.running == 1
        await events.aclose()
        assert cast.stage.running == 0
