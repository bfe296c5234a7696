"""What a model thinks is not spoken."""

from __future__ import annotations

import pytest

from antiphon.engines.reasoning import ReasoningFilter


def filtered(*texts: str, **marks) -> str:
    reasoning = ReasoningFilter(**marks)
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hm.</end>\n Hello.", "Hello."),
        ("</end>Hello. </end>", "Hello. </end>"),
        ("It never ends", ""),
        ("It ends</end> \n", ""),
        ("<think>Hm.</think></end>Hello.", "Hello."),
    ],
)
def test_reasoning_may_have_begun_in_the_prompt(text, said):
    for texts in ((text,), text):
        assert filtered(*texts, closing="</end>", begun=True) == said
