"""What a model may answer, checked byte by byte by llguidance."""

from __future__ import annotations

import pytest
from llguidance import LLMatcher, LLTokenizer

from antiphon.engines.tools.calls import ToolRules
from antiphon.engines.tools.grammar import Thoughts, answer_grammar
from antiphon.engines.tools.syntax import IN_WORDS
from antiphon.engines.tools.words import call_text
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool

WEATHER = FunctionTool(
    name="get_weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)
END_CALL = FunctionTool(name="end_call")
TOOLS = (WEATHER, END_CALL)
AUTO = ToolRules(TOOLS, TOOLS, several=True)

OSLO = call_text("get_weather", '{"city": "Oslo"}')
HANG_UP = call_text("end_call", "{}")


@pytest.fixture(scope="module")
def tokenizer():
    return LLTokenizer("byte")


@pytest.fixture
def allowed(tokenizer):
    def allows(rules: ToolRules, text: str, thoughts: Thoughts | None = None) -> bool:
        grammar = answer_grammar(rules, IN_WORDS, {}, thoughts=thoughts)
        matcher = LLMatcher(tokenizer, grammar)
        tokens = list(text.encode())
        return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()

    return allows


@pytest.mark.parametrize(
    "text",
    [
        "Hello! Is 3 < 4, and what is {this}?",
        OSLO,
        HANG_UP,
        f"{OSLO}\n{HANG_UP}",
        f"Let me see.\n{OSLO}",
    ],
)
def test_an_answer_is_text_or_calls_or_both(allowed, text):
    assert allowed(AUTO, text)


@pytest.mark.parametrize(
    "text",
    [
        call_text("format_disk", "{}"),
        call_text("get_weather", "{}"),
        call_text("get_weather", '{"city": "Oslo", "unit": "celsius"}'),
        call_text("end_call", '{"now": true}'),
        '{"name": "get_weather"',
        "<tool_call>",
        "I say <tool_call> to you.",
        f"{OSLO} and so on",
    ],
)
def test_nothing_else_is_an_answer(allowed, text):
    assert not allowed(AUTO, text)


def test_one_call_is_followed_by_no_other_where_one_is_wanted(allowed):
    rules = ToolRules(TOOLS, TOOLS)
    assert allowed(rules, OSLO)
    assert not allowed(rules, f"{OSLO}\n{HANG_UP}")


def test_a_model_that_must_call_says_nothing_before(allowed):
    rules = ToolRules(TOOLS, (END_CALL,), must_call=True)
    assert allowed(rules, HANG_UP)
    for text in ("Bye!", f"Bye! {HANG_UP}", OSLO):
        assert not allowed(rules, text)


def test_a_model_that_may_call_nothing_talks(allowed):
    rules = ToolRules(TOOLS)
    assert allowed(rules, "Bye!")
    assert not allowed(rules, HANG_UP)


def test_thoughts_come_before_the_answer_and_have_an_end(allowed):
    thoughts = Thoughts("</think>", 12)
    assert allowed(AUTO, f"Hm, Oslo.</think>\n\n{OSLO}", thoughts)
    assert allowed(ToolRules(), "Hm.</think>Hello!", thoughts)
    assert not allowed(AUTO, f"This is far too long.</think>{OSLO}", thoughts)


def test_control_tokens_are_written_as_numbers():
    grammar = answer_grammar(AUTO, IN_WORDS, {"<tool_call>": 7})
    assert "signal: TEXT? <[7]>" in grammar
    assert '"<tool_call>' not in grammar


def test_an_unusable_schema_is_refused():
    broken = FunctionTool(name="broken", parameters={"type": "array"})
    with pytest.raises(EngineError, match="'broken' cannot be used"):
        answer_grammar(ToolRules((broken,), (broken,)), IN_WORDS, {})
