"""Function calls in a model's text: when they are recognized, and what they are held to."""

from __future__ import annotations

import json

import pytest

from antiphon.core.plan import ChatMessage, ToolCall
from antiphon.engines.thinking import GenerationRequest, TextDelta, ToolCallDelta
from antiphon.engines.toolcalls import (
    CallReader,
    Reading,
    call_grammar,
    described,
    tool_rules,
)
from antiphon.wire.session import FunctionTool

WEATHER = FunctionTool(
    name="get_weather",
    description="Current weather.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
)
END_CALL = FunctionTool(name="end_call")

CALL = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'


def read(text: str, size: int) -> tuple[str, str, str, CallReader]:
    """Text, name and arguments read from ``text`` when it arrives ``size`` characters at a time."""
    reader = CallReader(["get_weather", "end_call"])
    events = []
    for start in range(0, len(text), size):
        events += reader.read(text[start : start + size], 1)
    events += reader.finish()
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    name = "".join(call.name for call in calls)
    return said, name, "".join(call.arguments for call in calls), reader


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    "text",
    [
        CALL,
        f" \n{CALL}",
        f"```json\n{CALL}\n```",
        f"```\n{CALL}\n```",
        f"<tool_call>\n{CALL}\n</tool_call>",
        '{ "name" : "get_weather" , "parameters" : {"city": "Oslo"}}',
        f"{CALL}\n{CALL}",
    ],
)
def test_a_call_is_recognized_whatever_surrounds_it(text, size):
    said, name, arguments, reader = read(text, size)
    assert (said, name) == ("", "get_weather")
    assert json.loads(arguments) == {"city": "Oslo"}
    assert reader.reading is Reading.CALLED


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "Hello, how are you?",
        "",
        "  ",
        "{}",
        '{"name": "Bob", "age": 3}',
        '{"name": "format_disk", "arguments": {}}',
        "```python\nprint(1)\n```",
        "```json\n[1, 2]\n```",
        '<b>"Yes"</b>',
        '{"name": "' + "x" * 400,
    ],
)
def test_anything_else_is_text_and_loses_nothing(text, size):
    said, name, arguments, _ = read(text, size)
    assert (said, name, arguments) == (text, "", "")


def test_arguments_end_with_their_own_brace_and_not_with_one_in_a_string():
    _, _, arguments, _ = read(
        '{"name": "get_weather", "arguments": {"city": "a}\\"}b", "more": [{"x": {}}]}} and so on',
        2,
    )
    assert json.loads(arguments) == {"city": 'a}"}b', "more": [{"x": {}}]}


def test_plain_text_is_not_held_back():
    reader = CallReader(["get_weather"])
    assert reader.read("Hello", 1) == [TextDelta("Hello", 1)]


def test_what_was_held_back_keeps_its_count_of_tokens():
    reader = CallReader(["get_weather"])
    assert reader.read("```", 1) == []
    assert reader.read("py", 2) == [TextDelta("```py", 3)]
    assert reader.read("thon", 1) == [TextDelta("thon", 1)]


def test_a_call_that_was_cut_off_keeps_the_arguments_it_had():
    said, name, arguments, reader = read(CALL[:-5], 4)
    assert (said, name, arguments) == ("", "get_weather", '{"city": "Os')
    assert reader.reading is Reading.ARGUMENTS


def test_without_functions_everything_is_text():
    reader = CallReader([])
    assert reader.read(CALL, 9) == [TextDelta(CALL, 9)]


def test_a_tool_is_described_as_chat_templates_want_it():
    assert described(WEATHER)["function"]["parameters"] == WEATHER.parameters
    assert described(END_CALL) == {
        "type": "function",
        "function": {
            "name": "end_call",
            "description": "",
            "parameters": {"type": "object", "properties": {}},
        },
    }


def test_the_grammar_allows_text_only_where_no_call_is_needed():
    assert "start: call_0 | call_1 | TEXT" in call_grammar([WEATHER, END_CALL], must_call=False)
    assert "start: call_0\n" in call_grammar([END_CALL], must_call=True)
    assert "start: TEXT" in call_grammar([], must_call=False)


def schema_in(grammar):
    (rule,) = [line for line in grammar.splitlines() if line.startswith("arguments_0")]
    return json.loads(rule.partition("%json ")[2])


def test_arguments_that_the_schema_does_not_name_are_excluded():
    assert schema_in(call_grammar([WEATHER], must_call=True))["additionalProperties"] is False


@pytest.mark.parametrize(
    "schema", [{"additionalProperties": True}, {"$ref": "#/$defs/a"}, {"anyOf": [{}]}]
)
def test_a_schema_that_says_otherwise_is_left_as_it_is(schema):
    held = schema_in(call_grammar([FunctionTool(name="f", parameters=schema)], must_call=True))
    assert held.get("additionalProperties", True) is True


USER = ChatMessage("user", "What is the weather in Oslo?")
CALLED = ChatMessage("assistant", tool_calls=(ToolCall("call_1", "get_weather", "{}"),))
ANSWERED = ChatMessage("tool", "rain", tool_call_id="call_1")


def rules(*messages, trained=True, repeat_calls=False, **fields):
    request = GenerationRequest(messages=messages, tools=(WEATHER, END_CALL), **fields)
    return tool_rules(request, trained=trained, repeat_calls=repeat_calls)


def test_a_model_that_may_call_is_told_of_all_functions():
    assert rules(USER).offered == rules(USER).allowed == (WEATHER, END_CALL)
    assert not rules(USER).must_call


def test_a_function_that_was_just_called_is_not_called_again():
    after = rules(USER, CALLED, ANSWERED)
    assert after.offered == (WEATHER, END_CALL)  # the prompt, and what is cached of it, stays
    assert after.allowed == (END_CALL,)
    assert rules(USER, CALLED, ANSWERED, USER).allowed == (WEATHER, END_CALL)
    assert rules(USER, CALLED, ANSWERED, repeat_calls=True).allowed == (WEATHER, END_CALL)


def test_a_forced_function_is_the_only_one_allowed():
    forced = rules(USER, tool_policy="required", forced_tool="end_call")
    assert forced.offered == (WEATHER, END_CALL)
    assert (forced.allowed, forced.must_call) == ((END_CALL,), True)


def test_no_function_is_mentioned_when_none_may_be_called():
    assert rules(USER, tool_policy="none").offered == ()


def test_an_untrained_model_hears_of_functions_only_when_it_must_call_one():
    assert rules(USER, trained=False).offered == ()
    assert rules(USER, trained=False, tool_policy="required").allowed == (WEATHER, END_CALL)
