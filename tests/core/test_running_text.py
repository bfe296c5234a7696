"""Deltas that make one text when they are put together."""

import pytest

from antiphon.core.running_text import RunningText


def joined(*phrases: tuple[str, ...]) -> str:
    text = RunningText()
    sent = ""
    for pieces in phrases:
        text.begin_phrase()
        for piece in pieces:
            sent += text.push(piece)
            assert sent == sent.rstrip(), "a space is sent before it is needed"
    return sent


@pytest.mark.parametrize(
    ("phrases", "whole"),
    [
        ([("Guten", " Tag", ".")], "Guten Tag."),
        ([("Guten Tag.",), ("Wie geht es?",)], "Guten Tag. Wie geht es?"),
        ([(" Guten Tag.\n",), ("\n Wie", " geht", " es?")], "Guten Tag. Wie geht es?"),
        ([("Guten ", " ", "Tag.")], "Guten  Tag."),
        ([("A",), ("", " "), ("B",)], "A B"),
        ([("你好。",), ("你好吗?",)], "你好。你好吗?"),
        ([("สวัสดี",), ("ครับ",)], "สวัสดีครับ"),
        ([("안녕하세요.",), ("잘 지내세요?",)], "안녕하세요. 잘 지내세요?"),
    ],
)
def test_phrases_are_joined_as_people_write(phrases, whole) -> None:
    assert joined(*phrases) == whole
