"""Tests that every language model has to pass, and those that say where messages end."""

# ruff: noqa: ANN401, D102  (tests say by their name what they test, and engines are of any class)
from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any, get_args

import anyio
import anyio.lowlevel
import anyio.to_thread
import jsonschema
import pytest

from antiphon.core.plan import ChatMessage, ToolCall
from antiphon.engines.conformance.base import (
    PATIENCE_S,
    EngineConformance,
    WorkConformance,
    events_of,
)
from antiphon.engines.thinking import (
    EndReason,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    LanguageModel,
    MessageEndPredictor,
    PromptRead,
    TextDelta,
    ToolCallDelta,
)
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool

__all__ = ["LanguageModelConformance", "MessageEndConformance", "calls_in"]


class LanguageModelConformance(WorkConformance):
    """Language models."""

    role = "language_model"
    stage = "generate"

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
        assert events, "an answer ends with GenerationEnd; there was nothing"
        *started, end = events
        assert isinstance(end, GenerationEnd)
        assert end.reason in get_args(EndReason)
        outputs = [event for event in started if not isinstance(event, PromptRead)]
        prompts = [event for event in started if isinstance(event, PromptRead)]
        assert len(prompts) <= 1
        for prompt in prompts:
            assert 0 <= prompt.cached_tokens <= prompt.input_tokens
            assert 0 <= prompt.image_tokens <= prompt.input_tokens
        assert all(isinstance(output, TextDelta | ToolCallDelta) for output in outputs)
        assert sum(output.tokens for output in outputs) <= end.output_tokens
        calls_in(outputs)

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
        _skip_without_tools(engine)
        for tool in self.tools:
            events = await self.generate(
                engine, tools=self.tools, tool_policy="required", forced_tool=tool.name
            )
            called = calls_in(events)
            assert [name for name, _ in called] == [tool.name]
            self.check_arguments(*called[0])

    async def test_some_function_is_called_when_one_is_required(
        self, engine: LanguageModel
    ) -> None:
        _skip_without_tools(engine)
        events = await self.generate(engine, tools=self.tools, tool_policy="required")
        names = {tool.name for tool in self.tools}
        called = calls_in(events)
        assert called
        assert {name for name, _ in called} <= names
        for name, arguments in called:
            self.check_arguments(name, arguments)

    def check_arguments(self, name: str, arguments: str) -> None:
        """Assert that a function is called with an object that its schema allows."""
        (tool,) = (one for one in self.tools if one.name == name)
        schema = {"type": "object", **(tool.parameters or {})}
        try:
            jsonschema.validate(json.loads(arguments), schema)
        except (ValueError, jsonschema.ValidationError) as error:
            pytest.fail(f"{name} is called with {arguments!r}: {error.args[0]}")

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
        events = await events_of(engine.generate(request))
        self.check(events)
        prompt = events[0]
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


def _skip_without_tools(engine: LanguageModel) -> None:
    if not engine.info.tools:
        pytest.skip("it says that it cannot call functions")


class MessageEndConformance(EngineConformance):
    """Language models that also say where messages end.

    One class may have these tests and those of :class:`LanguageModelConformance`.
    """

    role = "language_model"

    said = ("What is the capital of Italy?", "What is the", "Yes", "日本 🌞", "")

    async def judge(self, engine: MessageEndPredictor, words: str, **fields: Any) -> float:
        """Have the end of a message judged, and check that the answer is a probability."""
        system = ChatMessage("system", "Answer in one short sentence.")
        request = GenerationRequest(messages=(system, ChatMessage("user", words)), **fields)
        with anyio.fail_after(PATIENCE_S):
            probability = await engine.predict_message_end(request)
        assert 0 <= probability <= 1
        return probability

    async def test_it_is_known_to_judge_message_ends(self, engine: Any) -> None:
        assert isinstance(engine, MessageEndPredictor)

    async def test_the_end_of_a_message_is_a_probability(self, engine: MessageEndPredictor) -> None:
        for words in self.said:
            await self.judge(engine, words)

    async def test_an_end_is_judged_beside_functions_and_limits(
        self, engine: MessageEndPredictor
    ) -> None:
        tool = FunctionTool(name="end_call", description="Hang up.")
        await self.judge(
            engine, "Goodbye.", tools=(tool,), tool_policy="required", max_output_tokens=1
        )

    async def test_message_ends_of_several_sessions_are_judged_at_once(
        self, engine: MessageEndPredictor
    ) -> None:
        async with anyio.create_task_group() as group:
            for words in self.said[:3]:
                group.start_soon(self.judge, engine, words)

    async def test_judging_a_message_end_may_be_cancelled_at_any_await(
        self, engine: MessageEndPredictor
    ) -> None:
        for turns in range(12):
            async with anyio.create_task_group() as group:
                group.start_soon(self.judge, engine, "Yes")
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        await self.judge(engine, "Yes")

    async def test_a_closed_engine_judges_no_message_end(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await engine.aclose()
        with pytest.raises(EngineError):
            await self.judge(engine, "Yes")


def calls_in(events: list[GenerationEvent]) -> list[tuple[str, str]]:
    """Name and arguments of each function call."""
    calls: list[tuple[str, str]] = []
    for event in events:
        if isinstance(event, ToolCallDelta):
            assert 0 <= event.index <= len(calls), "calls are numbered from 0, in order"
            if event.index == len(calls):
                assert event.name, "the first delta of a call has the function's name"
                calls.append((event.name, ""))
            else:
                assert event.name == "", "only the first delta of a call has the function's name"
            name, arguments = calls[event.index]
            calls[event.index] = (name, arguments + event.arguments)
    return calls
