"""What a model thinks is not spoken."""

from __future__ import annotations

import pytest

from antiphon.engines.http.reasoning import ReasoningFilter


def filtered(*texts: str) -> str:
    reasoning = ReasoningFilter()
    return "".join(map(reasoning.push, texts)) + reasoning.flush()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello there.", "Hello there."),
        ("<think>Who is it?</think>Hello.", "Hello."),
        ("\n<think>\nHm.\n</think>\n\nHello.", "Hello."),
        ("<think></think>\n\nHello.", "Hello."),
        ("<think>It never ends", ""),
        ("<thinking> is a word.", "<thinking> is a word."),
        ("A tag: <think>this</think>.", "A tag: <think>this</think>."),
        ("<think>a</think>Hi <think>b</think>.", "Hi <think>b</think>."),
        ("<th", "<th"),
        ("", ""),
    ],
)
def test_however_the_text_is_cut(text, said):
    assert filtered(text) == said
    assert filtered(*text) == said
    assert filtered(*(text[at : at + 3] for at in range(0, len(text), 3))) == said


def test_text_without_reasoning_is_not_held_back():
    assert ReasoningFilter().push("Hello") == "Hello"
