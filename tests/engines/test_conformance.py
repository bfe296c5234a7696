"""The suite for engine authors finds the mistakes that it is there to find."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress

import numpy as np
import pytest

from antiphon.engines.base import EngineSettings, Floats
from antiphon.engines.conformance import (
    LanguageModelConformance,
    MessageEndConformance,
    SynthesizerConformance,
    TranscriberConformance,
    VoiceDetectorConformance,
)
from antiphon.engines.hearing import (
    Transcript,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.engines.scripted import hearing, speaking, thinking
from antiphon.engines.thinking import GenerationEnd, PromptRead, TextDelta
from antiphon.errors import EngineError

SETTINGS = EngineSettings(name="scripted")


@pytest.mark.parametrize(
    "events",
    [
        [TranscriptDelta("Hi")],
        [TranscriptDelta("Hi"), Transcript("Hi.")],
        [Transcript("Hi"), Transcript("Hi")],
    ],
)
def test_transcripts_that_do_not_end_or_differ_from_their_deltas(events):
    with pytest.raises(AssertionError):
        TranscriberConformance().check(events)


@pytest.mark.parametrize(
    ("suite", "events", "shown"),
    [
        (TranscriberConformance, [TranscriptDelta("Hi"), Transcript("Hi.")], "'Hi' == 'Hi.'"),
        (LanguageModelConformance, [TextDelta("Hi", 3), GenerationEnd("stop", 2)], "3 <= 2"),
        (SynthesizerConformance, [], "0 > 0"),
    ],
)
def test_what_is_wrong_is_shown(suite, events, shown):
    with pytest.raises(AssertionError, match=shown):
        suite().check(events)


@pytest.mark.parametrize(
    "events",
    [
        [TextDelta("Hi")],
        [TextDelta("Hi", 3), GenerationEnd("stop", 2)],
        [PromptRead(3, 0), PromptRead(3, 0), GenerationEnd("stop", 2)],
        [PromptRead(3, 4), GenerationEnd("stop", 2)],
        [GenerationEnd("stop", 0), GenerationEnd("stop", 0)],
    ],
)
def test_answers_that_do_not_end_or_miscount(events):
    with pytest.raises(AssertionError):
        LanguageModelConformance().check(events)


@pytest.mark.parametrize(
    "chunk", [np.zeros((1, 9), np.float32), np.zeros(9), np.full(9, 1.5, np.float32)]
)
def test_audio_of_the_wrong_shape_type_or_level(chunk):
    with pytest.raises(AssertionError):
        SynthesizerConformance().check([chunk])


async def test_a_detector_that_keeps_state_of_its_own():
    class Forgetful(hearing.ScriptedVoiceDetector):
        calls = 0

        def step(self, frames, states):
            self.calls += 1
            probabilities, states = super().step(frames, states)
            return probabilities / self.calls, states

    like = hearing.create_voice_detector(SETTINGS)
    detector = Forgetful(like.info, like._script, "detect")
    with pytest.raises(AssertionError):
        await VoiceDetectorConformance().test_sessions_judged_together_are_judged_as_if_alone(
            detector
        )


async def test_a_transcriber_that_serves_one_session_at_a_time():
    class Single(hearing.ScriptedTranscriber):
        busy = False

        async def transcribe(
            self, audio, request: TranscriptionRequest
        ) -> AsyncGenerator[TranscriptEvent, None]:
            assert not self.busy
            self.busy = True
            async for event in super().transcribe(audio, request):
                yield event
            self.busy = False

    like = hearing.create_transcriber(SETTINGS)
    with pytest.raises(ExceptionGroup):
        await TranscriberConformance().test_one_instance_serves_several_sessions_at_once(
            Single(like.info, like._script)
        )


async def test_a_transcriber_that_is_cut_off_as_if_it_was_done():
    class CutOff(hearing.ScriptedTranscriber):
        async def transcribe(
            self, audio, request: TranscriptionRequest
        ) -> AsyncGenerator[TranscriptEvent, None]:
            with suppress(EngineError):
                async for event in super().transcribe(audio, request):
                    yield event

    class Suite(TranscriberConformance):
        @classmethod
        def create(cls):
            like = hearing.create_transcriber(SETTINGS)
            return CutOff(like.info, like._script)

    with pytest.raises(AssertionError):
        await Suite().test_closing_it_ends_work_under_way()


async def test_a_transcriber_that_works_in_its_callers_array():
    class Loud(hearing.ScriptedTranscriber):
        def transcribe(
            self, audio, request: TranscriptionRequest
        ) -> AsyncGenerator[TranscriptEvent, None]:
            audio *= 2
            return super().transcribe(audio, request)

    like = hearing.create_transcriber(SETTINGS)
    with pytest.raises(AssertionError):
        await TranscriberConformance().test_the_audio_is_not_changed(Loud(like.info, like._script))


async def test_a_synthesizer_that_uses_its_chunks_again():
    class Thrifty(speaking.ScriptedSynthesizer):
        async def synthesize(self, request) -> AsyncGenerator[Floats, None]:
            buffer = np.zeros(2400, np.float32)
            async for chunk in super().synthesize(request):
                buffer[: len(chunk)] = chunk
                yield buffer[: len(chunk)]

    like = speaking.create_synthesizer(SETTINGS)
    with pytest.raises(AssertionError):
        await SynthesizerConformance().test_chunks_stay_as_they_were_given(
            Thrifty(like.info, like._script)
        )


class Certain(thinking.ScriptedLanguageModel):
    """Says the same of all messages, whether it is closed or not."""

    probability = 1.0

    async def predict_message_end(self, request) -> float:
        return self.probability

    @classmethod
    def create(cls):
        like = thinking.create_language_model(SETTINGS)
        return cls(like.info, like._script)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
async def test_a_message_end_that_is_no_probability(probability):
    model = Certain.create()
    model.probability = probability
    with pytest.raises(AssertionError):
        await MessageEndConformance().test_the_end_of_a_message_is_a_probability(model)


async def test_a_closed_model_that_still_judges_message_ends():
    class Suite(MessageEndConformance):
        create = Certain.create

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await Suite().test_a_closed_engine_judges_no_message_end()
