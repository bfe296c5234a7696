"""The suite for engine authors finds the mistakes that it is there to find."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import cast

import anyio
import numpy as np
import pytest
from msgspec import structs

from antiphon.engines.base import EngineSettings, Floats
from antiphon.engines.conformance import (
    LanguageModelConformance,
    MessageEndConformance,
    SynthesizerConformance,
    TranscriberConformance,
    VoiceDetectorConformance,
    base,
)
from antiphon.engines.hearing import (
    Transcript,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.engines.scripted import hearing, speaking, thinking
from antiphon.engines.thinking import EndReason, GenerationEnd, PromptRead, TextDelta, ToolCallDelta
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
        (SynthesizerConformance, [b"sound"], "an array of samples"),
        (TranscriberConformance, [], "the last event is the transcript"),
        (TranscriberConformance, ["Hi", Transcript("Hi")], "only deltas and turns"),
        (LanguageModelConformance, [], "there was nothing"),
        (
            LanguageModelConformance,
            [GenerationEnd(cast("EndReason", "tool_calls"), 2)],
            "'stop', 'length'",
        ),
        (
            LanguageModelConformance,
            [ToolCallDelta(0, "look"), ToolCallDelta(0, "look"), GenerationEnd("stop", 2)],
            "only the first delta of a call",
        ),
        (
            LanguageModelConformance,
            [ToolCallDelta(1, "look"), GenerationEnd("stop", 2)],
            "numbered from 0",
        ),
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


@pytest.mark.parametrize("arguments", ['{"city": 17}', "{}", "[]", '{"city":'])
def test_arguments_that_do_not_fit(arguments):
    with pytest.raises(pytest.fail.Exception, match="get_weather is called with"):
        LanguageModelConformance().check_arguments("get_weather", arguments)


class Ears(hearing.ScriptedTranscriber):
    """A transcriber to make mistakes with."""

    def __init__(self, **info):
        like = hearing.create_transcriber(SETTINGS)
        super().__init__(structs.replace(like.info, **info), like._script)


def suite_of(engine: type[Ears]) -> TranscriberConformance:
    class Suite(TranscriberConformance):
        stops_within_s = 0.1

        @classmethod
        def create(cls):
            return engine()

    return Suite()


@pytest.mark.parametrize("blocks_times", [1, 100])
async def test_a_transcriber_that_blocks_the_event_loop(blocks_times):
    class Blocking(Ears):
        blocked = 0

        async def transcribe(
            self, audio, request: TranscriptionRequest
        ) -> AsyncGenerator[TranscriptEvent, None]:
            if self.blocked < blocks_times:
                self.blocked += 1
                time.sleep(0.3)  # noqa: ASYNC251 (that is the mistake)
            async for event in super().transcribe(audio, request):
                yield event

    test = TranscriberConformance().test_the_event_loop_goes_on_while_it_works
    if blocks_times == 1:
        await test(Blocking())
    else:
        with pytest.raises(AssertionError, match="the event loop stood still"):
            await test(Blocking())


async def test_a_transcriber_that_goes_on_when_it_is_cancelled():
    enough = anyio.Event()

    class Deaf(Ears):
        async def transcribe(
            self, audio, request: TranscriptionRequest
        ) -> AsyncGenerator[TranscriptEvent, None]:
            while not enough.is_set():
                with suppress(asyncio.CancelledError):
                    await enough.wait()
            yield Transcript("")

    with pytest.raises(AssertionError, match="work goes on"):
        await suite_of(Deaf).test_work_may_be_cancelled_at_any_await(Deaf())
    enough.set()


async def test_a_transcriber_that_takes_no_notice_of_being_cancelled():
    class Stubborn(Ears):
        async def transcribe(
            self, audio, request: TranscriptionRequest
        ) -> AsyncGenerator[TranscriptEvent, None]:
            with suppress(asyncio.CancelledError):
                await anyio.sleep_forever()
            yield Transcript("")

    with pytest.raises(AssertionError, match="raises CancelledError"):
        await suite_of(Stubborn).test_work_may_be_cancelled_at_any_await(Stubborn())


async def test_a_transcriber_whose_errors_are_of_another_stage():
    class Confused(Ears):
        def check_open(self):
            try:
                super().check_open()
            except EngineError as error:
                raise EngineError(error.message, stage="synthesize") from error

    for test in (
        suite_of(Confused).test_a_closed_engine_refuses_work,
        suite_of(Confused).test_closing_it_ends_work_under_way,
    ):
        with pytest.raises(AssertionError, match="'synthesize' == 'transcribe'"):
            await test()


async def test_an_engine_that_does_not_close_fails_in_time(monkeypatch):
    class Open(Ears):
        async def aclose(self):
            await anyio.sleep_forever()

    monkeypatch.setattr(base, "PATIENCE_S", 0.1)
    with pytest.raises(TimeoutError):
        await suite_of(Open).test_closing_it_twice_is_harmless()


async def test_an_engine_that_never_says_anything_fails_in_time(monkeypatch):
    class Silent(Ears):
        async def transcribe(
            self, audio, request: TranscriptionRequest
        ) -> AsyncGenerator[TranscriptEvent, None]:
            await anyio.sleep_forever()
            yield Transcript("")

    monkeypatch.setattr(base, "PATIENCE_S", 0.1)
    suite = suite_of(Silent)
    for test in (
        suite.test_work_may_be_closed_after_any_event(Silent()),
        suite.test_work_may_be_cancelled_while_an_event_is_dealt_with(Silent()),
        suite.test_closing_it_ends_work_under_way(),
    ):
        with pytest.raises(TimeoutError):
            await test


async def test_an_engine_that_says_something_wrong_of_itself():
    suite = TranscriberConformance()
    with pytest.raises(AssertionError):
        await suite.test_it_takes_the_audio_that_the_server_has(Ears(rate_hz=8000))
    with pytest.raises(AssertionError, match="ISO 639"):
        await suite.test_it_says_what_it_is(Ears(languages=("English",)))


async def test_what_an_engine_says_it_cannot_do_is_not_asked_of_it():
    quiet = thinking.create_language_model(SETTINGS)
    quiet.info = structs.replace(quiet.info, tools=False)
    steady = speaking.create_synthesizer(SETTINGS)
    steady.info = structs.replace(steady.info, speeds=(1, 1))
    for test in (
        LanguageModelConformance().test_a_forced_function_is_called_with_json(quiet),
        LanguageModelConformance().test_some_function_is_called_when_one_is_required(quiet),
        SynthesizerConformance().test_slow_speech_is_longer_than_quick_speech(steady),
    ):
        with pytest.raises(pytest.skip.Exception):
            await test


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
