"""Tests that every engine has to pass, for authors of engines to run on theirs.

Subclass the class of the role in a test module, and say how the engine is made::

    pytest.register_assert_rewrite("antiphon.engines.conformance")
    from antiphon.engines import conformance

    class TestMyTranscriber(conformance.TranscriberConformance):
        @classmethod
        def create(cls):
            return create(EngineSettings(name="mine", files={…}))

The module needs pytest and anyio's plugin, and is not imported by anything else. An
``anyio_backend`` fixture of at least class scope must choose asyncio.
"""

# ruff: noqa: ANN401, D102  (tests say by their name what they test, and engines are of any class)
from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, ClassVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import numpy as np
import pytest

from antiphon.core.plan import ChatMessage, ToolCall
from antiphon.engines.base import Floats, Role
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    SpeakerTurn,
    Transcriber,
    Transcript,
    TranscriptDelta,
    TranscriptionRequest,
    VoiceDetector,
)
from antiphon.engines.speaking import SpeechRequest, Synthesizer
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    LanguageModel,
    PromptRead,
    TextDelta,
    ToolCallDelta,
)
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool

__all__ = [
    "EngineConformance",
    "LanguageModelConformance",
    "SynthesizerConformance",
    "TranscriberConformance",
    "VoiceDetectorConformance",
    "noise",
]

PATIENCE_S = 60.0
"""Bound on any one piece of work; an engine that hangs fails instead of blocking the tests."""


class EngineConformance:
    """What is asked of engines of every role."""

    pytestmark: ClassVar[list[pytest.MarkDecorator]] = [pytest.mark.anyio]
    role: ClassVar[Role]

    @classmethod
    def create(cls) -> Any:
        """Override: build the engine. It may block, and is called several times."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    async def engine(cls) -> AsyncGenerator[Any, None]:
        """The engine that the tests of a class share, as sessions do."""
        engine = await anyio.to_thread.run_sync(cls.create)
        yield engine
        await engine.aclose()

    async def test_it_says_what_it_is(self, engine: Any) -> None:
        assert engine.info.role == self.role
        assert engine.info.name

    async def test_closing_it_twice_is_harmless(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await engine.aclose()
        await engine.aclose()


class _WorkConformance(EngineConformance):
    """What is asked of engines whose work is an async generator."""

    def work(self, engine: Any) -> AsyncGenerator[Any, None]:
        """A piece of work of ordinary size."""
        raise NotImplementedError

    def check(self, events: list[Any]) -> None:
        """Assert that the events of :meth:`work` are complete and right."""
        raise NotImplementedError

    async def complete(self, engine: Any) -> None:
        """Do a piece of work and check it."""
        self.check(await events_of(self.work(engine)))

    async def test_work_yields_the_right_events(self, engine: Any) -> None:
        await self.complete(engine)

    async def test_one_instance_serves_several_sessions_at_once(self, engine: Any) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(self.complete, engine)

    async def test_work_may_be_closed_after_any_event(self, engine: Any) -> None:
        for wanted in range(4):
            async with aclosing(self.work(engine)) as events:
                for _ in range(wanted):
                    if await anext(events, None) is None:
                        break
        await self.complete(engine)

    async def test_work_may_be_cancelled_at_any_await(self, engine: Any) -> None:
        async def work_on() -> None:
            await events_of(self.work(engine))

        for turns in range(12):
            async with anyio.create_task_group() as group:
                group.start_soon(work_on)
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        await self.complete(engine)

    async def test_work_may_be_cancelled_while_an_event_is_dealt_with(self, engine: Any) -> None:
        async def stop_at_first(reached: anyio.Event) -> None:
            async for _ in self.work(engine):
                reached.set()
                await anyio.sleep_forever()

        async with anyio.create_task_group() as group:
            reached = anyio.Event()
            group.start_soon(stop_at_first, reached)
            with anyio.fail_after(PATIENCE_S):
                await reached.wait()
            group.cancel_scope.cancel()
        await self.complete(engine)

    async def test_a_closed_engine_refuses_work(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await engine.aclose()
        with pytest.raises(EngineError):
            await events_of(self.work(engine))

    async def test_closing_it_ends_work_under_way(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        async with aclosing(self.work(engine)) as work:
            events = [await anext(work)]
            await engine.aclose()
            try:
                with anyio.fail_after(PATIENCE_S):
                    events += [event async for event in work]
            except EngineError:
                return
        self.check(events)  # what does not fail has been done


class VoiceDetectorConformance(EngineConformance):
    """Voice detectors."""

    role = "voice_detector"

    async def test_each_frame_gets_a_probability_and_a_new_state(
        self, engine: VoiceDetector
    ) -> None:
        frames = noise(3 * engine.frame_samples).reshape(3, -1)
        probabilities, states = engine.step(frames, [engine.initial_state()] * 3)
        assert probabilities.shape == (3,)
        assert probabilities.dtype == np.float32
        assert np.all((probabilities >= 0) & (probabilities <= 1))
        assert [state.shape for state in states] == [engine.initial_state().shape] * 3

    async def test_sessions_judged_together_are_judged_as_if_alone(
        self, engine: VoiceDetector
    ) -> None:
        audio = noise(5 * 4 * engine.frame_samples).reshape(5, 4, -1)
        audio *= np.linspace(0, 1, 4, dtype=np.float32)[:, np.newaxis]
        together = [engine.initial_state()] * 4
        alone = [engine.initial_state()] * 4
        for frames in audio:
            probabilities, together = engine.step(frames, together)
            for session, frame in enumerate(frames):
                (probability,), (alone[session],) = engine.step(frame[np.newaxis], [alone[session]])
                assert probability == pytest.approx(probabilities[session], abs=1e-4)

    async def test_the_states_given_are_not_changed(self, engine: VoiceDetector) -> None:
        frame = noise(engine.frame_samples)[np.newaxis]
        _, (state,) = engine.step(frame, [engine.initial_state()])
        before = state.copy()
        engine.step(frame, [state])
        assert np.array_equal(state, before)

    async def test_no_sessions_are_no_trouble(self, engine: VoiceDetector) -> None:
        probabilities, states = engine.step(np.zeros((0, engine.frame_samples), np.float32), [])
        assert probabilities.shape == (0,)
        assert states == []

    async def test_a_closed_engine_refuses_work(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await engine.aclose()
        with pytest.raises(EngineError):
            engine.step(noise(engine.frame_samples)[np.newaxis], [engine.initial_state()])


class TranscriberConformance(_WorkConformance):
    """Transcribers. Override :attr:`speech` with words to have something recognized."""

    role = "transcriber"

    @property
    def speech(self) -> Floats:
        """An utterance; shape (n,), float32 at 16 kHz."""
        return noise(2 * LISTENING_RATE_HZ)

    def work(self, engine: Transcriber) -> AsyncGenerator[Any, None]:
        return engine.transcribe(self.speech, TranscriptionRequest())

    def check(self, events: list[Any]) -> None:
        *before, transcript = events
        assert isinstance(transcript, Transcript)
        deltas = [event for event in before if isinstance(event, TranscriptDelta)]
        turns = [event for event in before if isinstance(event, SpeakerTurn)]
        assert len(before) == len(deltas) + len(turns)
        if deltas:
            assert "".join(delta.text for delta in deltas) == transcript.text
            assert [one for delta in deltas for one in delta.logprobs] == [*transcript.logprobs]
        starts_s = [turn.start_s for turn in turns]
        assert starts_s == sorted(starts_s)
        assert all(0 <= turn.start_s <= turn.end_s for turn in turns)

    async def test_it_does_no_more_than_it_says(self, engine: Transcriber) -> None:
        events = await events_of(self.work(engine))
        assert engine.info.deltas or not any(isinstance(one, TranscriptDelta) for one in events)
        assert engine.info.diarization or not any(isinstance(one, SpeakerTurn) for one in events)
        assert events[-1].logprobs == (), "log probabilities were not asked for"
        assert events[-1].words == (), "times were not asked for"

    async def test_it_says_how_sure_it_is_of_each_token_if_it_can(
        self, engine: Transcriber
    ) -> None:
        request = TranscriptionRequest(logprobs=engine.info.logprobs)
        events = await events_of(engine.transcribe(self.speech, request))
        self.check(events)
        if engine.info.logprobs:
            transcript = events[-1]
            assert all(one.logprob <= 0 for one in transcript.logprobs)
            told = b"".join(bytes(one.bytes) for one in transcript.logprobs)
            assert told == transcript.text.encode()

    async def test_it_says_when_each_word_was_said_if_it_can(self, engine: Transcriber) -> None:
        request = TranscriptionRequest(word_times=engine.info.word_times)
        events = await events_of(engine.transcribe(self.speech, request))
        self.check(events)
        words = events[-1].words
        assert bool(words) == (engine.info.word_times and bool(events[-1].text))
        times_s = [word.start_s for word in words]
        assert times_s == sorted(times_s)
        assert all(0 <= word.start_s <= word.end_s for word in words)
        assert all(word.end_s <= len(self.speech) / LISTENING_RATE_HZ + 1 for word in words)
        assert all(word.text and word.text in events[-1].text for word in words)

    async def test_it_translates_if_it_can(self, engine: Transcriber) -> None:
        request = TranscriptionRequest(translate=engine.info.translates)
        self.check(await events_of(engine.transcribe(self.speech, request)))

    async def test_the_audio_is_not_changed(self, engine: Transcriber) -> None:
        audio = self.speech
        await events_of(engine.transcribe(audio, TranscriptionRequest()))
        assert np.array_equal(audio, self.speech)

    async def test_hints_of_no_use_are_no_trouble(self, engine: Transcriber) -> None:
        request = TranscriptionRequest(
            language="tlh", prompt="", keywords=("", "Bortaš"), model="no such model"
        )
        self.check(await events_of(engine.transcribe(self.speech, request)))

    async def test_no_audio_has_no_words(self, engine: Transcriber) -> None:
        audio = np.zeros(0, np.float32)
        events = await events_of(engine.transcribe(audio, TranscriptionRequest()))
        assert [event.text for event in events] == [""]

    async def test_a_breath_of_audio_is_no_trouble(self, engine: Transcriber) -> None:
        for samples in (1, 100, 1600):
            self.check(await events_of(engine.transcribe(noise(samples), TranscriptionRequest())))


class LanguageModelConformance(_WorkConformance):
    """Language models."""

    role = "language_model"

    messages = (
        ChatMessage("system", "Answer in one short sentence."),
        ChatMessage("user", "Hello, who are you?"),
    )
    tools = (
        FunctionTool(
            name="get_weather",
            description="Current weather of a city.",
            parameters={
                "type": "object",
                "properties": {"city": {"type": "string", "maxLength": 20}},
                "required": ["city"],
            },
        ),
        FunctionTool(name="end_call", description="Hang up."),
    )

    def work(self, engine: LanguageModel) -> AsyncGenerator[Any, None]:
        return engine.generate(GenerationRequest(messages=self.messages, max_output_tokens=24))

    def check(self, events: list[Any]) -> None:
        *started, end = events
        assert isinstance(end, GenerationEnd)
        outputs = [event for event in started if not isinstance(event, PromptRead)]
        prompts = [event for event in started if isinstance(event, PromptRead)]
        assert len(prompts) <= 1
        for prompt in prompts:
            assert 0 <= prompt.cached_tokens <= prompt.input_tokens
            assert 0 <= prompt.image_tokens <= prompt.input_tokens
        assert all(isinstance(output, TextDelta | ToolCallDelta) for output in outputs)
        assert sum(output.tokens for output in outputs) <= end.output_tokens

    async def generate(self, engine: LanguageModel, **fields: Any) -> list[GenerationEvent]:
        """Generate from the usual messages, and check the events."""
        request = GenerationRequest(messages=self.messages, **fields)
        events = await events_of(engine.generate(request))
        self.check(events)
        return events

    async def test_the_limit_on_tokens_holds(self, engine: LanguageModel) -> None:
        end = (await self.generate(engine, max_output_tokens=1))[-1]
        assert end == GenerationEnd("length", 1)

    async def test_a_forced_function_is_called_with_json(self, engine: LanguageModel) -> None:
        for tool in self.tools:
            events = await self.generate(
                engine, tools=self.tools, tool_policy="required", forced_tool=tool.name
            )
            (name, arguments), *more = calls_in(events)
            assert not more
            assert name == tool.name
            assert isinstance(json.loads(arguments), dict)

    async def test_some_function_is_called_when_one_is_required(
        self, engine: LanguageModel
    ) -> None:
        events = await self.generate(engine, tools=self.tools, tool_policy="required")
        names = {tool.name for tool in self.tools}
        called = calls_in(events)
        assert called
        assert {name for name, _ in called} <= names

    async def test_no_function_is_called_when_none_may_be(self, engine: LanguageModel) -> None:
        events = await self.generate(
            engine, tools=self.tools, tool_policy="none", max_output_tokens=24
        )
        assert calls_in(events) == []

    async def read_and_counted(
        self, engine: LanguageModel, *messages: ChatMessage, tools: tuple[FunctionTool, ...] = ()
    ) -> tuple[int, int]:
        """Tokens of a prompt, as the engine reports them and as its counter counts them."""
        if engine.counter is None:
            pytest.skip("nobody but the model can count its tokens")
        system, *conversation = messages
        counted = engine.counter.frame_tokens(system.text, tools)
        counted += sum(map(engine.counter.message_tokens, conversation))
        request = GenerationRequest(messages=messages, tools=tools, max_output_tokens=1)
        prompt, *_ = await events_of(engine.generate(request))
        assert isinstance(prompt, PromptRead), "an engine that counts reports what it has read"
        return prompt.input_tokens, counted

    async def test_texts_are_counted_exactly(self, engine: LanguageModel) -> None:
        answered = ChatMessage("assistant", "  It's 20 °C;\n\tI'd go — naïve, isn't it? 日本 🌞")
        told = ChatMessage("system", "The user is in a hurry.")
        for tools in ((), self.tools):
            for after in ((), (answered, told, self.messages[1])):
                messages = (*self.messages, *after)
                read, counted = await self.read_and_counted(engine, *messages, tools=tools)
                assert counted == read

    async def test_calls_are_not_undercounted(self, engine: LanguageModel) -> None:
        calls = tuple(ToolCall(f"call_{n}", "get_weather", '{"city": "Oslo"}') for n in range(2))
        read, counted = await self.read_and_counted(
            engine,
            *self.messages,
            ChatMessage("assistant", tool_calls=calls),
            *(ChatMessage("tool", "4 °C", tool_call_id=call.call_id) for call in calls),
            ChatMessage("user", "And now?"),
            tools=self.tools,
        )
        assert counted >= read

    async def test_warming_changes_nothing_that_can_be_seen(self, engine: LanguageModel) -> None:
        await engine.warm(GenerationRequest(messages=self.messages[:1], tools=self.tools))
        await engine.warm(GenerationRequest(messages=self.messages))
        await self.complete(engine)


class SynthesizerConformance(_WorkConformance):
    """Synthesizers."""

    role = "synthesizer"

    def request(self, engine: Synthesizer, speed: float = 1.0) -> SpeechRequest:
        """Two sentences in the default voice."""
        text = "This is the first sentence. And this is another one."
        return SpeechRequest(text=text, voice=engine.info.voices[0], speed=speed)

    def work(self, engine: Synthesizer) -> AsyncGenerator[Any, None]:
        return engine.synthesize(self.request(engine))

    def check(self, events: list[Any]) -> None:
        assert sum(chunk.size for chunk in events) > 0
        for chunk in events:
            assert chunk.ndim == 1
            assert chunk.dtype == np.float32
            assert np.all(np.abs(chunk) <= 1)

    async def test_chunks_stay_as_they_were_given(self, engine: Synthesizer) -> None:
        async with aclosing(self.work(engine)) as work:
            given = [(chunk, chunk.copy()) async for chunk in work]
        assert all(np.array_equal(chunk, copy) for chunk, copy in given)

    async def test_it_states_a_sample_rate(self, engine: Synthesizer) -> None:
        assert engine.info.rate_hz >= 8000

    async def test_slow_speech_is_longer_than_quick_speech(self, engine: Synthesizer) -> None:
        samples = {
            speed: sum(
                c.size for c in await events_of(engine.synthesize(self.request(engine, speed)))
            )
            for speed in (0.5, 1.5)
        }
        assert samples[0.5] > 1.5 * samples[1.5]

    async def test_a_voice_it_does_not_have_is_an_engine_error(self, engine: Synthesizer) -> None:
        with pytest.raises(EngineError):
            await events_of(engine.synthesize(SpeechRequest(text="Hello.", voice="no such voice")))

    async def test_nothing_to_say_is_no_trouble(self, engine: Synthesizer) -> None:
        await events_of(engine.synthesize(SpeechRequest(text="", voice=engine.info.voices[0])))


async def events_of(work: AsyncGenerator[Any, None]) -> list[Any]:
    """Everything that a piece of work yields, within :data:`PATIENCE_S`."""
    with anyio.fail_after(PATIENCE_S):
        async with aclosing(work):
            return [event async for event in work]


def calls_in(events: list[GenerationEvent]) -> list[tuple[str, str]]:
    """Name and arguments of each function call."""
    calls: list[tuple[str, str]] = []
    for event in events:
        if isinstance(event, ToolCallDelta):
            if event.index == len(calls):
                calls.append((event.name, ""))
            name, arguments = calls[event.index]
            calls[event.index] = (name, arguments + event.arguments)
    return calls


def noise(samples: int) -> Floats:
    """The same noise each time; shape (samples,), float32."""
    return np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32)
