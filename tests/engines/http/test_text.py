"""Text that leaves has bytes, and characters that a server cut in two are whole again."""

from __future__ import annotations

import pytest

from antiphon.engines.http.text import CharacterJoiner, whole_characters

HIGH, LOW = "\ud83d", "\ude00"


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (["Hi ", "there."], "Hi there."),
        (["café 日本 😀"], "café 日本 😀"),
        (["Hi " + HIGH, LOW + " there."], "Hi 😀 there."),
        (["Hi " + HIGH, "", LOW], "Hi 😀"),
        (["Hi " + HIGH + LOW], "Hi 😀"),
        ([HIGH, HIGH, LOW], "\ufffd😀"),
        ([HIGH, "there"], "\ufffdthere"),
        ([LOW, "there"], "\ufffdthere"),
        (["Hi ", HIGH], "Hi \ufffd"),
        ([LOW + HIGH, LOW + HIGH], "\ufffd😀\ufffd"),
    ],
)
def test_halves_are_joined_and_replaced_where_they_stay_alone(pieces, said):
    joiner = CharacterJoiner()
    assert "".join(map(joiner.push, pieces)) + joiner.flush() == said
    assert joiner.flush() == "", "it has told all of it"
    assert whole_characters("".join(pieces)) == said


def test_nothing_else_is_held_back():
    assert CharacterJoiner().push("Hi 😀") == "Hi 😀"
