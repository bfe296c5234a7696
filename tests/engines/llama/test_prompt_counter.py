"""Counting prompts: a template around words, and a tokenizer that counts characters."""

import pytest

from antiphon.core.plan import ChatImage, ChatMessage
from antiphon.engines.llama.chat_template import ChatTemplate
from antiphon.engines.llama.prompt_counter import PromptCounter
from antiphon.wire.session import FunctionTool

TEMPLATE = (
    "{% if messages[0].role != 'system' %}[system:own]{% endif %}"
    "{% for tool in tools or [] %}({{ tool.function.name }}){% endfor %}"
    "{% for message in messages %}[{{ message.role }}:{{ message.content }}"
    "{% for call in message.tool_calls or [] %}"
    "({{ call.function.name }} {{ call.function.arguments | tojson }}){% endfor %}]{% endfor %}"
    "[assistant:"
)


@pytest.fixture
def counter():
    return PromptCounter(ChatTemplate(TEMPLATE, {}), len)


def test_instructions_are_counted_with_what_opens_the_answer(counter):
    assert counter.frame_tokens("kind", ()) == len("[system:kind][assistant:")


def test_without_instructions_the_templates_own_are_counted(counter):
    assert counter.frame_tokens("", ()) == len("[system:own][assistant:")


def test_tools_are_counted(counter):
    assert counter.frame_tokens("kind", (FunctionTool(name="f"),)) == len(
        "(f)[system:kind][assistant:"
    )


def test_a_message_is_counted_with_its_wrapping(counter):
    assert counter.message_tokens(ChatMessage("user", "Hi")) == len("[user:Hi]")


def test_images_are_not_counted(counter):
    shown = ChatMessage("user", "Hi", images=(ChatImage("data:image/png;base64,AAAA", "auto"),))
    assert counter.message_tokens(shown) == len("[user:Hi]")


def test_a_template_that_takes_no_instructions_is_refused():
    template = ChatTemplate("{{ raise_exception('no system messages') }}", {})
    with pytest.raises(ValueError, match="no system messages"):
        PromptCounter(template, len)


def test_tools_that_the_model_is_not_told_of_are_not_counted():
    counter = PromptCounter(ChatTemplate(TEMPLATE, {}), len, tells_tools=False)
    assert counter.frame_tokens("kind", (FunctionTool(name="f"),)) == len(
        "[system:kind][assistant:"
    )
