"""Messages as servers and chat templates take them."""

import pytest

from antiphon.core.plan import ChatMessage, ToolCall
from antiphon.engines.tools.messages import chat_completions_message


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ('{"city":"Oslo"}', '{"city":"Oslo"}'),
        ("", "{}"),
        ('{"city":"Os', '{"arguments": "{\\"city\\":\\"Os"}'),
    ],
)
def test_arguments_are_an_object_whatever_a_call_has(arguments, written):
    call = ChatMessage("assistant", tool_calls=(ToolCall("call_1", "f", arguments),))
    assert chat_completions_message(call)["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": written}}
    ]


def test_a_tools_output_names_its_call():
    message = chat_completions_message(ChatMessage("tool", "4", tool_call_id="call_1"))
    assert message == {"role": "tool", "content": "4", "tool_call_id": "call_1"}
