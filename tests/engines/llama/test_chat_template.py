"""Chat templates, run as Transformers runs them."""

import pytest

from antiphon.core.plan import ChatMessage, ToolCall
from antiphon.engines.llama.chat_template import ChatTemplate
from antiphon.engines.tools.messages import chat_completions_message

CHATML = (
    "{% for message in messages %}\n"
    "    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' -}}\n"
    "{% endfor %}\n"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

KNOWING = (
    "{{ tools | tojson }}{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}"
    "({{ c.function.name }}: {{ c.function.arguments | tojson }}){% endfor %}{% endfor %}"
)
"""Knows tools, and writes calls as a name and arguments."""


def rendered(source: str, *messages: ChatMessage, **variables: object) -> str:
    template = ChatTemplate(source, variables)
    return template.render([chat_completions_message(message) for message in messages])


def test_messages_become_a_prompt_that_the_answer_continues():
    assert rendered(CHATML, ChatMessage("system", "Be kind."), ChatMessage("user", "Hi")) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_tools_are_written_as_json_with_their_letters_as_they_are():
    template = ChatTemplate(KNOWING, {})
    assert (
        template.render([], [{"name": "Grüße", "less": "<"}]) == '[{"name": "Grüße", "less": "<"}]'
    )


def test_without_tools_a_template_finds_none():
    assert rendered("{% if tools %}some{% else %}none{% endif %}") == "none"


def test_variables_reach_the_template():
    assert rendered("{{ enable_thinking }}", enable_thinking=False) == "False"


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ('{"city":"Oslo"}', '{"city": "Oslo"}'),
        ("", "{}"),
        (" \n", "{}"),
        ("null", "{}"),
        ('{"city":"Os', '{"arguments": "{\\"city\\":\\"Os"}'),
        ('["Oslo"]', '{"arguments": ["Oslo"]}'),
        ("[" * 5_000, f'{{"arguments": "{"[" * 5_000}"}}'),
    ],
    ids=["object", "nothing", "blank", "null", "cut off", "list", "nested too deeply"],
)
def test_arguments_are_an_object_whatever_a_call_has(arguments, written):
    call = ChatMessage("assistant", tool_calls=(ToolCall("call_1", "f", arguments),))
    assert rendered(KNOWING, call) == f"null(f: {written})"


def test_a_template_may_refuse_messages():
    refusal = "{% if messages[0].role == 'tool' %}{{ raise_exception('No tools!') }}{% endif %}"
    with pytest.raises(ValueError, match=r"refuses the messages: No tools!"):
        rendered(KNOWING + refusal, ChatMessage("tool", "4", tool_call_id="call_1"))


def test_a_template_that_cannot_be_compiled_is_refused():
    with pytest.raises(ValueError, match="the chat template cannot be used"):
        ChatTemplate("{% if %}", {})


def test_a_template_cannot_reach_into_the_program():
    with pytest.raises(ValueError, match="unsafe"):
        rendered("{{ messages.__class__.__mro__ }}")
