"""Whether a message is over, as a language model sees it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from antiphon.engines.llama.chat_template import ChatTemplate
from antiphon.engines.llama.message_ends import end_probability, open_prompt

CHATML = (
    "{% if tools %}<|im_start|>system\nTools: {{ tools | tojson }}<|im_end|>\n{% endif %}"
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
HISTORY = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hello."},
    {"role": "assistant", "content": "Good morning."},
]


def opened(
    words: str, *before: dict[str, str], source: str = CHATML, tools: tuple[object, ...] = ()
) -> str:
    """The prompt as far as it is read."""
    template = ChatTemplate(source, {})
    return open_prompt(template, [*before, {"role": "user", "content": words}], tools)  # type: ignore[arg-type]


# --- the prompt -----------------------------------------------------------------------------------


def test_the_prompt_ends_with_the_last_word():
    assert opened("I would like") == "<|im_start|>user\nI would like"


@pytest.mark.parametrize(
    "marked",
    ["Is it?", "Is it?!", "Is it...", "Is it,", "Is it. \n", "Is it ?", "Is it\u202f?", "Is it"],
)
def test_closing_marks_are_left_for_the_model_to_expect(marked):
    assert opened(marked) == "<|im_start|>user\nIs it"


def test_marks_within_the_words_stay():
    assert opened("No. Well, 3.5 it is.").endswith("No. Well, 3.5 it is")


def test_what_was_said_before_is_read_before():
    template = ChatTemplate(CHATML, {})
    whole = template.render([*HISTORY, {"role": "user", "content": "And now?"}])
    prompt = opened("And now?", *HISTORY)
    assert prompt.endswith("And now")
    assert whole.startswith(prompt)


def test_the_same_words_said_before_are_no_end():
    prompt = opened("Hello.", *HISTORY)
    assert prompt.count("Hello") == 2
    assert prompt.endswith("Good morning.<|im_end|>\n<|im_start|>user\nHello")


def test_tools_are_read_before():
    function = {"name": "get_weather", "description": "", "parameters": {"type": "object"}}
    prompt = opened("Weather?", tools=({"type": "function", "function": function},))
    before, _, after = prompt.partition("get_weather")
    assert before.startswith("<|im_start|>system\n")
    assert after.endswith("<|im_end|>\n<|im_start|>user\nWeather")


def test_the_messages_are_left_as_they_were():
    messages = [*HISTORY, {"role": "user", "content": "And now?"}]
    before = [dict(message) for message in messages]
    open_prompt(ChatTemplate(CHATML, {}), messages, ())
    assert messages == before


def test_a_template_that_refuses_the_messages_says_so():
    source = "{{ raise_exception('No system messages!') }}"
    with pytest.raises(ValueError, match="refuses the messages: No system messages!"):
        opened("Hello?", source=source)


@pytest.mark.parametrize(
    "source", ["{{ messages[-1].content | upper }}", "{{ messages[-1].content[:4] }}", "Hi."]
)
def test_a_template_that_changes_the_words_cannot_be_used(source):
    with pytest.raises(ValueError, match="does not show the user's words as they are"):
        opened("Hello there?", source=source)


# --- the probability ------------------------------------------------------------------------------


def completion(*expected: tuple[str, float]) -> dict[str, Any]:
    """llama.cpp's answer: which tokens it expects, how probably."""
    tokens = [{"token": token, "logprob": math.log(share)} for token, share in expected]
    return {"choices": [{"text": "x", "logprobs": {"content": [{"top_logprobs": tokens}]}}]}


@pytest.mark.parametrize(
    "end",
    [
        ".",
        " .",
        "?",
        "!",
        "?!",
        ".\n",
        "\n",
        "\n\n",
        "",
        "<|im_end|>",
        "<|eot_id|>",
        "<end_of_turn>",
        "</s>",
    ],
)
def test_a_closing_mark_or_token_is_an_end(end):
    assert end_probability(completion((end, 0.25), (" on", 0.75))) == pytest.approx(0.25)


@pytest.mark.parametrize("word", [" on", "on.", ",", " and", "'s", " 5"])
def test_anything_else_is_none(word):
    assert end_probability(completion((word, 0.9), (".", 0.1))) == pytest.approx(0.1)


def test_all_ends_are_added_up():
    expected = completion((".", 0.4), (" please", 0.3), ("?", 0.2), ("<|im_end|>", 0.05))
    assert end_probability(expected) == pytest.approx(0.65)


def test_nothing_but_words_is_no_end():
    assert end_probability(completion((" on", 0.9))) == 0.0


def test_rounding_makes_nothing_more_than_sure():
    assert end_probability(completion((".", 0.7), ("?", 0.3000001))) == 1.0
