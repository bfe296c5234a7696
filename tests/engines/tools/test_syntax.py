"""How models write calls, found out from chat templates of the kinds that there are."""

from __future__ import annotations

import pytest

from antiphon.engines.llama.chat_template import ChatTemplate
from antiphon.engines.tools.syntax import IN_WORDS, CallSyntax

HERMES = """
{%- if tools %}{{ '<|im_start|>system\\n' + tools | tojson + '<|im_end|>\\n' }}{% endif %}
{%- for m in messages %}{{ '<|im_start|>' + m.role }}
{%- if m.content %}{{ '\\n' + m.content }}{% endif %}
{%- for call in m.tool_calls or [] %}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- (call.function.arguments | tojson) + '}\\n</tool_call>' }}{% endfor %}{{ '<|im_end|>\\n' }}
{%- endfor %}{{ '<|im_start|>assistant\\n' }}"""

ONE_CALL = """
{%- for t in tools or [] %}{{ t | tojson }}{% endfor %}
{%- for m in messages %}{{ '<|head|>' + m.role + '<|end_head|>\\n\\n' }}
{%- if m.tool_calls %}
{%- if m.tool_calls | length != 1 %}{{ raise_exception('one call at once') }}{% endif %}
{{- '{"name": "' + m.tool_calls[0].function.name + '", "parameters": ' }}
{{- (m.tool_calls[0].function.arguments | tojson) + '}' }}
{%- else %}{{ m.content }}{% endif %}{{ '<|eot|>' }}{% endfor %}
{{- '<|head|>assistant<|end_head|>\\n\\n' }}"""

CONTROLLED = """
{%- for t in tools or [] %}{{ t | tojson }}{% endfor %}
{%- for m in messages %}
{%- if m.role == 'user' %}{{ '[INST]' + m.content + '[/INST]' }}
{%- elif m.tool_calls %}{{ '[TOOL_CALLS][' }}
{%- for call in m.tool_calls %}
{{- '{"name": "' + call.function.name + '", "arguments": ' + call.function.arguments | tojson }}
{{- ', "id": "' + call.id + '"}' }}{% if not loop.last %}{{ ', ' }}{% endif %}{% endfor %}
{{- ']</s>' }}
{%- else %}{{ m.content + '</s>' }}{% endif %}{% endfor %}"""

INVISIBLE = """
{%- for t in tools or [] %}{{ t | tojson }}{% endfor %}
{%- for m in messages %}{{ '[' + m.role + ']' }}
{%- for call in m.tool_calls or [] %}
{{- '[CALL]' + call.function.name + '[ARGS]' + call.function.arguments | tojson }}{% endfor %}
{{- m.content + '</s>' }}{% endfor %}{{ '[assistant]' }}"""

AS_XML = """
{%- for t in tools or [] %}{{ t | tojson }}{% endfor %}
{%- for m in messages %}{{ '[' + m.role + ']' + m.content }}
{%- for call in m.tool_calls or [] %}{{ '<function=' + call.function.name + '>' }}
{%- for k, v in call.function.arguments.items() %}{{ '<' + k + '>' ~ v }}{% endfor %}
{%- endfor %}{{ '</s>' }}{% endfor %}{{ '[assistant]' }}"""

NONE = "{% for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}[assistant]"


def test_calls_in_tags_are_learned():
    template = ChatTemplate(HERMES, {})
    assert template.knows_tools
    assert template.calls == CallSyntax(
        '<tool_call>\n{"name": "',
        '", "arguments": ',
        '}\n</tool_call>\n<tool_call>\n{"name": "',
        "}\n</tool_call>",
    )


def test_a_model_that_makes_one_call_at_once_has_nothing_between_calls():
    assert ChatTemplate(ONE_CALL, {}).calls == CallSyntax(
        '{"name": "', '", "parameters": ', None, "}"
    )


def test_what_surrounds_all_calls_together_is_learned_with_their_ids():
    template = ChatTemplate(CONTROLLED, {}, {"[TOOL_CALLS]"})
    assert template.calls.opening == '[TOOL_CALLS][{"name": "'
    assert template.calls.closing.endswith('"}]')


@pytest.mark.parametrize("source", [AS_XML, NONE, INVISIBLE], ids=["xml", "none", "invisible"])
def test_whatever_cannot_be_read_is_told_in_words(source):
    template = ChatTemplate(source, {}, {"[CALL]", "[ARGS]"})
    assert not template.knows_tools
    assert template.calls == IN_WORDS


def test_told_in_words_calls_are_written_in_the_commonest_way():
    assert ChatTemplate(HERMES, {}).calls == IN_WORDS
