"""What llama.cpp sends of an answer, as events."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.engines.llama.answer import Answer
from antiphon.engines.llama.prompts import Prompt
from antiphon.engines.thinking import Progress, PromptRead, TextDelta, ToolCallDelta
from antiphon.engines.tools.calls import ToolRules
from antiphon.engines.tools.syntax import IN_WORDS, CallSyntax

READING = {"choices": [], "prompt_progress": {"total": 300, "processed": 64}}
OPENING = {"choices": [{"finish_reason": None, "delta": {"role": "assistant", "content": None}}]}


def written(text: str, tokens: int) -> dict[str, Any]:
    """A chunk with so many tokens written in all."""
    return {
        "choices": [{"finish_reason": None, "delta": {"content": text}}],
        "timings": {"predicted_n": tokens, "cache_n": 0, "prompt_n": 300},
    }


class Events(list[Any]):
    """Takes what is emitted."""

    def __call__(self, event: object) -> None:
        self.append(event)

    offer = __call__

    def check(self) -> None:
        """Somebody reads it."""


def events_of(*chunks: dict[str, Any], calls: CallSyntax | None = None, end: str | None = None):
    events = Events()
    answer = Answer(Prompt({}, ToolRules(), calls, {}, end), events)  # type: ignore[arg-type]
    for chunk in chunks:
        answer.take(chunk)
    return events


def test_a_prompt_that_is_being_read_is_told_to_go_on():
    events = events_of(READING, READING, OPENING, written("Hello", 1))
    assert events == [Progress(), Progress(), Progress(), PromptRead(300, 0), TextDelta("Hello")]


def test_an_answer_that_waits_for_others_is_told_to_go_on_until_it_begins():
    events = Events()
    answer = Answer(Prompt({}, ToolRules(), None, {}, None), events)  # type: ignore[arg-type]
    answer.go_on()
    assert events == [Progress()]
    answer.take(written("Hello", 1))
    answer.go_on()
    assert events == [Progress(), PromptRead(300, 0), TextDelta("Hello")]


def test_thoughts_are_told_to_go_on():
    _, *events = events_of(written("Let me", 1), written(" see", 2), end="</think>")
    assert events == [Progress()]


@pytest.mark.parametrize("held", ["<tool_ca", '<tool_call>\n{"name": "get_wea'])
def test_what_is_held_back_is_told_to_go_on(held):
    _, *events = events_of(written("<", 1), written(held[1:], 2), calls=IN_WORDS)
    assert events == [Progress()]


def test_what_has_something_to_tell_tells_nothing_else():
    called = '<tool_call>\n{"name": "look", "arguments": {'
    _, *events = events_of(written(called, 9), written('"a"', 10), calls=IN_WORDS)
    assert events == [
        ToolCallDelta(0, "look", tokens=9),
        ToolCallDelta(0, arguments="{", tokens=0),
        ToolCallDelta(0, arguments='"a"'),
    ]
