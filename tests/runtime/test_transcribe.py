"""What the transcriber is asked, and what the core is told of its answer."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest

from antiphon.core.effects import Transcribe
from antiphon.core.signals import (
    Signal,
    SpeakerTurnHeard,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.engines.hearing import TranscriptionRequest
from antiphon.engines.scripted.hearing import LOGPROB
from antiphon.engines.scripted.script import Fail, Say, Script, SpeakerSays, Take, Wait
from antiphon.runtime.spare import Spare
from antiphon.runtime.transcribe import Transcriptions, transcribe, transcription_request
from antiphon.wire.audio_config import AudioTranscription
from antiphon.wire.transcription_events import LogProb
from tests.support.cast import Cast, make_cast
from tests.support.garbage import collecting_no_garbage
from tests.support.virtual_time import step

AUDIO = np.zeros(16_000, np.float32)


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def told(script: Script, *, logprobs: bool = False) -> list[object]:
    signals: list[object] = []
    effect = Transcribe(item_id="item_1", source=b"", hints=None, logprobs=logprobs)
    await transcribe(effect, AUDIO, make_cast(script).transcriber, signals.append)
    return signals


def script(*steps: Say | SpeakerSays | Fail, languages: tuple[str, ...] = ()) -> Script:
    return Script(transcriptions=(Take(steps=steps),), languages=languages)


async def test_words_are_told_as_they_come_and_then_all_of_them():
    assert await told(script(Say("Good morning."), languages=("en",))) == [
        TranscriptExtended("item_1", "Good"),
        TranscriptExtended("item_1", " morning."),
        TranscriptFinished("item_1", "Good morning.", ("en",)),
    ]


async def test_log_probabilities_are_passed_on_where_they_are_wanted():
    token = LogProb(token="Hi.", logprob=LOGPROB, bytes=(72, 105, 46))
    assert await told(script(Say("Hi.")), logprobs=True) == [
        TranscriptExtended("item_1", "Hi.", (token,)),
        TranscriptFinished("item_1", "Hi.", (), (token,)),
    ]


async def test_speakers_are_told_apart_before_the_end():
    turns = (SpeakerSays("A", "Hello.", 0, 500), SpeakerSays("B", " Hi!", 500, 900))
    signals = await told(script(*turns))
    assert [one for one in signals if isinstance(one, SpeakerTurnHeard)] == [
        SpeakerTurnHeard("item_1", "A", 0.0, 0.5, "Hello."),
        SpeakerTurnHeard("item_1", "B", 0.5, 0.9, "Hi!"),
    ]
    assert signals[-1] == TranscriptFinished("item_1", "Hello. Hi!")


async def test_a_failure_is_the_end():
    *_, failed = await told(script(Say("Hm"), Fail("No idea.", code="audio_unintelligible")))
    assert isinstance(failed, TranscriptFailed)
    assert failed.failure.code == "audio_unintelligible"


def test_all_hints_of_the_client_reach_the_transcriber():
    hints = AudioTranscription(
        model="any",
        language="EN-us",
        prompt="Names: Ada.",
        languages=("en", "de-AT"),
        keywords=("Lovelace",),
        delay="low",
    )
    effect = Transcribe(item_id="item_1", source=b"", hints=hints, logprobs=True)
    assert transcription_request(effect) == TranscriptionRequest(
        language="en",
        languages=("en", "de"),
        prompt="Names: Ada.",
        keywords=("Lovelace",),
        delay="low",
        model="any",
        logprobs=True,
    )


def test_without_hints_nothing_is_said_about_the_audio():
    for hints in (None, AudioTranscription(model="any")):
        request = transcription_request(Transcribe(item_id="item_1", source=b"", hints=hints))
        assert request == TranscriptionRequest(model=hints.model if hints else None)


# --- words that are found out ahead ---------------------------------------------------------------

GUESS = Transcribe(item_id="guess_1", source=b"", hints=None, is_guess=True)
NEEDED = Transcribe(item_id="item_1", source=b"", hints=None)
HELLO = Script(transcriptions=tuple(Take((Say("Hello there.", every_ms=100),)) for _ in range(3)))
WORDS = [
    TranscriptExtended("guess_1", "Hello"),
    TranscriptExtended("guess_1", " there."),
    TranscriptFinished("guess_1", "Hello there."),
]


class Bench:
    """The transcriptions of one session, and what it is told."""

    def __init__(self, script: Script, spare: Spare, tasks: anyio.abc.TaskGroup) -> None:
        self.cast: Cast = make_cast(script)
        self.spare = spare
        self.told: list[Signal] = []
        self.transcriptions = Transcriptions(
            transcriber=self.cast.transcriber, spare=spare, tasks=tasks, feed=self.told.append
        )

    def guess(self) -> None:
        self.transcriptions.begin(GUESS, AUDIO)

    def need(self) -> None:
        self.transcriptions.need("guess_1")
        self.transcriptions.deliver()


@asynccontextmanager
async def bench(script: Script = HELLO, *, seats: int = 1) -> AsyncIterator[Bench]:
    async with anyio.create_task_group() as tasks:
        yield Bench(script, Spare(seats), tasks)


async def test_words_that_are_needed_are_told_as_they_come():
    async with bench() as one:
        one.transcriptions.begin(NEEDED, AUDIO)
        await anyio.sleep(0.15)
        assert one.told == [TranscriptExtended("item_1", "Hello")]


async def test_a_guess_is_told_when_all_of_it_is_known():
    async with bench() as one:
        one.guess()
        await anyio.sleep(0.15)
        assert one.told == []
    assert one.told == WORDS


async def test_a_guess_has_left_its_seat_when_it_is_told():
    async with anyio.create_task_group() as tasks:
        spare = Spare(seats=1)
        room: list[bool] = []
        transcriptions = Transcriptions(
            transcriber=make_cast(HELLO).transcriber,
            spare=spare,
            tasks=tasks,
            feed=lambda _: room.append(spare.has_room),
        )
        transcriptions.begin(GUESS, AUDIO)
    assert room == [True, True, True]  # so an answer to these words may be worked out as well


async def test_a_guess_that_is_needed_is_told_from_then_on_as_it_comes():
    async with bench() as one:
        one.guess()
        await anyio.sleep(0.15)
        one.transcriptions.need("guess_1")
        assert one.told == []  # before what led to it has been performed
        one.transcriptions.deliver()
        assert one.told == WORDS[:1]
    assert one.told == WORDS
    assert one.cast.stage.begun == 1


async def test_a_guess_that_is_not_needed_stops_at_once():
    async with bench() as one:
        one.guess()
        await anyio.sleep(0.15)
        one.transcriptions.stop("guess_1")
        await step(5)
        assert one.cast.stage.running == 0
    assert one.told == []


@pytest.mark.parametrize(("effect", "stops"), [(NEEDED, False), (GUESS, False), (GUESS, True)])
async def test_what_was_said_is_let_go_of_at_once(effect: Transcribe, stops: bool):
    audio = AUDIO.copy()
    there = weakref.ref(audio)
    with collecting_no_garbage():
        async with bench() as one:
            one.transcriptions.begin(effect, audio)
            del audio
            await anyio.sleep(0.15)
            one.cast.transcriber.requests.clear()
            assert there() is not None
            if stops:
                one.transcriptions.stop(effect.item_id)
        assert there() is None


async def test_a_guess_that_found_no_room_is_found_out_once_it_is_needed():
    async with bench() as one:
        with one.spare.seat(anyio.CancelScope(), needed=True):
            one.guess()
            await anyio.sleep(1)
            assert one.cast.stage.begun == 0
            one.need()
    assert one.told == WORDS


async def test_a_guess_that_gave_way_is_found_out_again_and_told_once():
    async with bench() as one:
        one.guess()
        await anyio.sleep(0.15)
        with one.spare.seat(anyio.CancelScope(), needed=True):
            one.need()  # at the very moment at which it gives way
            assert one.told == []
    assert one.told == WORDS
    assert one.cast.stage.begun == 2


async def test_a_guess_that_is_needed_at_once_is_told_at_once():
    async with bench() as one:
        one.guess()
        one.need()
        await anyio.sleep(0.15)
        assert one.told == WORDS[:1]
    assert one.told == WORDS


async def test_a_guess_that_fails_is_told_as_a_failure():
    async with bench(Script(transcriptions=(Take((Wait(100), Fail("No idea."))),))) as one:
        one.guess()
    (failed,) = one.told
    assert isinstance(failed, TranscriptFailed)
