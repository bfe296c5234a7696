"""Tools told in words."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.engines.tools.calls import described
from antiphon.engines.tools.words import in_words
from antiphon.wire.session import FunctionTool

WEATHER = described(
    FunctionTool(
        name="get_weather",
        description="Current weather.",
        parameters={
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"enum": ["celsius", "kelvin"]},
                "days": {"type": "integer", "description": "how far ahead"},
                "near": {"type": "array", "items": {"type": "number"}},
            },
            "required": ["city"],
        },
    )
)
END_CALL = described(FunctionTool(name="end_call"))
SYSTEM = {"role": "system", "content": "Be kind."}
USER = {"role": "user", "content": "Hi"}


def test_functions_are_told_at_the_end_of_the_instructions():
    first, second = in_words([SYSTEM, USER], [WEATHER, END_CALL])
    assert second == USER
    assert first["content"].startswith("Be kind.\n\n")
    assert first["content"].endswith(
        '- get_weather(city: string, unit?: "celsius" | "kelvin", '
        'days?: integer (how far ahead), near?: {"type": "array", "items": {"type": "number"}}'
        "): Current weather.\n- end_call()"
    )


def test_without_instructions_functions_are_told_before_everything_else():
    system, user = in_words([USER], [END_CALL])
    assert (system["role"], user) == ("system", USER)


def test_without_functions_nothing_is_added():
    assert in_words([SYSTEM, USER], []) == [SYSTEM, USER]


@pytest.mark.parametrize("properties", [None, [], 3, {"city": None}])
@pytest.mark.parametrize("required", [None, True, "city", [{}]])
def test_what_is_no_schema_is_told_all_the_same(properties, required):
    """Prompts are measured before anybody judges what is in them."""
    parameters = {"properties": properties, "required": required}
    (told,) = in_words([], [described(FunctionTool(name="look", parameters=parameters))])
    assert "\n- look(" in told["content"]


def test_calls_and_outputs_become_texts():
    function = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    call = {"id": "call_1", "type": "function", "function": function}
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call, call]},
        {"role": "tool", "content": "rain", "tool_call_id": "call_1"},
    ]
    written = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
    assert in_words(messages, []) == [
        {"role": "assistant", "content": f"Let me see.\n{written}\n{written}"},
        {"role": "user", "content": "<tool_response>\nrain\n</tool_response>"},
    ]
