"""The scripted language model: by rule, by script."""

from __future__ import annotations

import json

import pytest

from antiphon.core.plan import ChatMessage
from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings
from antiphon.engines.conformance import calls_in, events_of
from antiphon.engines.scripted import thinking
from antiphon.engines.scripted.script import (
    Call,
    Fail,
    ReadPrompt,
    Say,
    Script,
    Stop,
    Take,
)
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationRequest,
    PromptRead,
    TextDelta,
    ToolCallDelta,
)
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool

TIMER = FunctionTool(
    name="set_timer",
    parameters={
        "type": "object",
        "properties": {
            "label": {"type": "string"},
            "minutes": {"type": "integer", "minimum": 1},
            "sound": {"enum": ["bell", "horn"]},
            "loud": {"type": "boolean"},
        },
        "required": ["label", "minutes", "sound", "loud"],
    },
)


def settings(**options) -> EngineSettings:
    return EngineSettings(name="scripted", options=options)


class TestLanguageModel(conformance.LanguageModelConformance, conformance.MessageEndConformance):
    @classmethod
    def create(cls):
        return thinking.create_language_model(settings())


def playing(*steps, **rules) -> Script:
    """A script whose only take, of the language model, has these steps."""
    return Script(answers=(Take(steps),), **rules)


async def answer(model, text="Hello there", **fields):
    request = GenerationRequest(messages=(ChatMessage("user", text),), **fields)
    return await events_of(model.generate(request))


def model_of(*steps) -> thinking.ScriptedLanguageModel:
    return thinking.create_language_model(settings(script=playing(*steps)))


def said(events) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_the_language_model_repeats_what_the_user_said():
    events = await answer(thinking.create_language_model(settings()), "My tea is cold.")
    assert events[0] == PromptRead(input_tokens=4, cached_tokens=0)
    assert said(events) == "You said: My tea is cold."
    assert events[-1] == GenerationEnd("stop", 6)


async def test_the_language_model_greets_when_nobody_has_spoken():
    model = thinking.create_language_model(settings())
    request = GenerationRequest(messages=(ChatMessage("system", "Be kind."),))
    assert said(await events_of(model.generate(request))) == "Hello."


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_policy": "required"},
        {"tool_policy": "required", "forced_tool": "set_timer"},
        {"text": "Please do set_timer now"},
    ],
)
async def test_a_function_is_called_when_forced_or_named_with_arguments_that_fit(fields):
    model = thinking.create_language_model(settings())
    events = await answer(model, **{"text": "Eggs"} | fields, tools=(TIMER,))
    ((name, arguments),) = calls_in(events)
    label = fields.get("text", "Eggs")
    assert name == "set_timer"
    assert json.loads(arguments) == {"label": label, "minutes": 1, "sound": "bell", "loud": False}


async def test_the_language_model_reports_what_a_function_answered():
    model = thinking.create_language_model(settings())
    messages = (ChatMessage("user", "set_timer"), ChatMessage("tool", "done", tool_call_id="c"))
    request = GenerationRequest(messages=messages, tools=(TIMER,))
    assert said(await events_of(model.generate(request))) == "The function answered: done."


async def test_a_take_is_played_as_it_is_written():
    model = model_of(ReadPrompt(cached_tokens=1), Say("Yes, now."), Call("f", '{"a": 1}'))
    assert await answer(model) == [
        PromptRead(2, 1),
        TextDelta("Yes,"),
        TextDelta(" now."),
        ToolCallDelta(0, name="f"),
        ToolCallDelta(0, arguments='{"a":'),
        ToolCallDelta(0, arguments=" 1}"),
        GenerationEnd("stop", 5),
    ]


async def test_each_call_of_a_take_has_its_index():
    assert calls_in(await answer(model_of(Call("f"), Call("g")))) == [("f", "{}"), ("g", "{}")]


async def test_an_answer_can_be_stopped_by_a_filter():
    events = await answer(model_of(Say("One"), Stop("content_filter"), Say("two")))
    assert events[-1] == GenerationEnd("content_filter", 1)


async def test_a_failure_comes_after_what_was_said_before_it():
    model = model_of(Say("One"), Fail("too busy", code="rate_limit_exceeded", retryable=True))
    request = GenerationRequest(messages=())
    events = model.generate(request)
    assert [await anext(events), await anext(events)] == [PromptRead(0, 0), TextDelta("One")]
    with pytest.raises(EngineError, match="too busy") as caught:
        await anext(events)
    error = caught.value
    assert (error.stage, error.code, error.retryable) == ("generate", "rate_limit_exceeded", True)


async def test_an_empty_take_is_an_empty_answer_and_not_the_rule():
    assert said(await answer(model_of())) == ""


async def test_a_prompt_of_more_words_than_the_script_allows_is_refused():
    model = thinking.create_language_model(settings(context_tokens=3))
    fitting = GenerationRequest(messages=(ChatMessage("user", "one two three"),))
    prompt, *_ = await events_of(model.generate(fitting))
    assert (model.info.context_tokens, prompt.input_tokens) == (3, 3)
    too_long = GenerationRequest(messages=(ChatMessage("user", "one two three four"),))
    with pytest.raises(EngineError, match=r"has 4 words, but .* reads at most 3") as refusal:
        await events_of(model.generate(too_long))
    assert refusal.value.code == "context_length_exceeded"
