"""The scripted engines that hear: by rule, by script."""

from __future__ import annotations

import anyio
import numpy as np
import pytest

from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings
from antiphon.engines.conformance import (
    DenoiserConformance,
    TurnPredictorConformance,
    events_of,
    noise,
)
from antiphon.engines.hearing import SpeakerTurn, Transcript, TranscriptDelta, TranscriptionRequest
from antiphon.engines.scripted import hearing
from antiphon.engines.scripted.hearing import ScriptedTurnPredictor
from antiphon.engines.scripted.script import (
    Fail,
    Gate,
    Judge,
    PredictionStep,
    Script,
    SpeakerSays,
    Take,
    Wait,
    WaitFor,
)
from antiphon.errors import EngineError


def settings(**options) -> EngineSettings:
    return EngineSettings(name="scripted", options=options)


def predictor_of(*takes: tuple[PredictionStep, ...]) -> ScriptedTurnPredictor:
    script = Script(predictions=tuple(Take(steps) for steps in takes))
    return hearing.create_turn_predictor(settings(script=script))


class TestDenoiser(DenoiserConformance):
    @classmethod
    def create(cls):
        return hearing.create_denoiser(settings())


class TestTurnPredictor(TurnPredictorConformance):
    @classmethod
    def create(cls):
        return hearing.create_turn_predictor(settings())


def test_quiet_sound_is_silenced_and_background():
    audio = np.repeat(np.array([0.1, 0.015, 0.1], np.float32), 160)
    denoiser = hearing.create_denoiser(settings())
    stream = denoiser.open("far_field", 1.0)
    assert np.array_equal(stream.push(audio), np.where(audio > 0.02, audio, 0))
    foreground = [stream.in_foreground(at, at + 160) for at in (0, 160, 320)]
    assert foreground == [True, False, True]
    assert list(denoiser.opened) == [("far_field", 1.0)]


def test_strength_scales_what_counts_as_quiet():
    audio = np.full(160, 0.015, np.float32)
    stream = hearing.create_denoiser(settings()).open("near_field", 0.5)
    assert np.array_equal(stream.push(audio), audio)


async def test_every_pause_ends_the_turn_unless_the_script_says_otherwise():
    predictor = predictor_of((Judge(0.2),), (Wait(0), Judge(0.6)))
    audio = np.zeros(160, np.float32)
    assert [await predictor.predict(audio) for _ in range(3)] == [0.2, 0.6, 1.0]
    assert len(predictor.heard) == 3


async def test_it_fails_when_the_script_says_so():
    predictor = predictor_of((Fail("No idea.", code="lost"),))
    with pytest.raises(EngineError, match="No idea") as caught:
        await predictor.predict(np.zeros(160, np.float32))
    assert (caught.value.stage, caught.value.code) == ("detect", "lost")


async def test_closing_it_ends_a_judgement_under_way():
    gate = Gate()
    predictor = predictor_of((WaitFor(gate), Judge(0.5)))

    async def close_at_the_gate():
        await gate.reached()
        await predictor.aclose()

    async with anyio.create_task_group() as group:
        group.start_soon(close_at_the_gate)
        with pytest.raises(EngineError, match="is closed"):
            await predictor.predict(np.zeros(160, np.float32))


class TestVoiceDetector(conformance.VoiceDetectorConformance):
    @classmethod
    def create(cls):
        return hearing.create_voice_detector(settings())


class TestTranscriber(conformance.TranscriberConformance):
    @classmethod
    def create(cls):
        return hearing.create_transcriber(settings(sentence="One two three four five."))


def test_loud_frames_are_speech():
    detector = hearing.create_voice_detector(settings(speech_rms=0.05))
    frames = np.stack([np.full(512, level, np.float32) for level in (0, 0.04, 0.06)])
    probabilities, _ = detector.step(frames, [detector.initial_state()] * 3)
    assert probabilities.tolist() == [0, 0, 1]


async def test_the_transcriber_hears_its_sentence_word_by_word():
    transcriber = hearing.create_transcriber(settings(sentence="Good morning."))
    audio = noise(1600)
    assert await events_of(transcriber.transcribe(audio, TranscriptionRequest())) == [
        TranscriptDelta("Good"),
        TranscriptDelta(" morning."),
        Transcript("Good morning."),
    ]
    ((heard, _),) = transcriber.requests
    assert heard is audio


async def test_the_transcriber_hears_nothing_in_silence():
    transcriber = hearing.create_transcriber(settings())
    silence = np.zeros(1600, np.float32)
    events = await events_of(transcriber.transcribe(silence, TranscriptionRequest()))
    assert events == [Transcript("")]


async def test_speakers_take_turns_and_languages_are_detected_as_the_script_says():
    turns = (SpeakerSays("A", "Good day.", 0, 500), SpeakerSays("B", " Hi.", 500, 700))
    script = Script(transcriptions=(Take(steps=turns),), languages=("en",))
    transcriber = hearing.create_transcriber(settings(script=script))
    request = TranscriptionRequest(logprobs=True)
    events = await events_of(transcriber.transcribe(np.zeros(9, np.float32), request))
    assert [event.text for event in events] == [
        *("Good", " day.", "Good day."),
        *(" Hi.", "Hi.", "Good day. Hi."),
    ]
    *_, turn, transcript = events
    assert turn == SpeakerTurn("B", 0.5, 0.7, "Hi.")
    assert transcript.languages == ("en",)
    assert [one.token for one in transcript.logprobs] == ["Good", " day.", " Hi."]
