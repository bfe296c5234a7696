"""What the transcriber is asked, and what the core is told of its answer."""

from __future__ import annotations

import numpy as np

from antiphon.core.effects import Transcribe
from antiphon.core.signals import (
    SpeakerTurnHeard,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.engines.base import TranscriptionRequest
from antiphon.engines.script import Fail, Say, Script, SpeakerSays, Take
from antiphon.engines.scripted import LOGPROB
from antiphon.runtime.transcribe import transcribe, transcription_request
from antiphon.wire.audio_config import AudioTranscription
from antiphon.wire.transcription_events import LogProb
from tests.support.cast import make_cast

AUDIO = np.zeros(16_000, np.float32)


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
