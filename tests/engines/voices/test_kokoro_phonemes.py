"""Phonemes become what Kokoro reads."""

# ruff: noqa: RUF001  (phonetic letters look like others)
from __future__ import annotations

import pytest

from antiphon.engines.voices.kokoro_phonemes import LONGEST, encode, utterances


def test_letters_have_the_numbers_of_the_published_vocabulary():
    assert encode("həlˈoʊ, ᵻ!") == [50, 83, 54, 156, 57, 135, 3, 16, 177, 5]


def test_a_letter_with_a_cedilla_is_one_letter():
    assert list(utterances("ic\u0327")) == ["iç"]


def test_what_has_no_letter_is_left_out():
    assert list(utterances("bˈʌtn\u0329")) == ["bˈʌtn"]


@pytest.mark.parametrize("phonemes", ["", " ", ".", " ?! "])
def test_marks_alone_are_nothing_to_say(phonemes):
    assert list(utterances(phonemes)) == []


def test_a_long_sentence_is_cut_after_a_mark_that_fits():
    first, second = utterances("a" * 300 + ", " + "b" * 300 + ".")
    assert first == "a" * 300 + ","
    assert second == "b" * 300 + "."


def test_without_marks_it_is_cut_between_words():
    pieces = list(utterances("abcd " * 300))
    assert all(len(piece) <= LONGEST for piece in pieces)
    assert " ".join(pieces) == ("abcd " * 300).strip()


def test_without_words_it_is_cut_where_it_must_be():
    assert [len(piece) for piece in utterances("a" * 1200)] == [LONGEST, LONGEST, 180]
