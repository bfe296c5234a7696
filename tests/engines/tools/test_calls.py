"""Functions as models are offered them, and which of them an answer may call."""

from __future__ import annotations

from antiphon.core.plan import ChatMessage, ToolCall
from antiphon.engines.thinking import GenerationRequest
from antiphon.engines.tools.calls import described, tool_rules
from antiphon.wire.session import FunctionTool

WEATHER = FunctionTool(
    name="get_weather",
    description="Current weather.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
)
END_CALL = FunctionTool(name="end_call")


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


def test_several_calls_are_made_unless_the_client_wants_one_at_once():
    assert rules(USER).several
    assert rules(USER, parallel_tool_calls=True, tool_policy="required").several
    assert not rules(USER, parallel_tool_calls=False).several
    assert not rules(USER, tool_policy="required", forced_tool="end_call").several
    assert not rules(USER, tool_policy="required", trained=False).several
