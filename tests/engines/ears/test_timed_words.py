"""Tokens with times, as words with times."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.engines.ears.timed_words import timed_words, without_pauses
from antiphon.engines.hearing import TimedWord


def told(*tokens: str | bytes) -> list[tuple[str, float, float]]:
    """The words of tokens that last a second each."""
    pieces = [one if isinstance(one, bytes) else one.encode() for one in tokens]
    words = timed_words([(piece, float(at), at + 1.0) for at, piece in enumerate(pieces)])
    return [(word.text, word.start_s, word.end_s) for word in words]


def test_tokens_are_put_together_to_words():
    assert told("He", " am", "iable", " is") == [
        ("He", 0, 1),
        ("amiable", 1, 3),
        ("is", 3, 4),
    ]


def test_punctuation_is_no_part_of_a_word_and_takes_none_of_its_time():
    assert told(" (", "Yes", ",", " he", "\u201d", ".") == [("Yes", 1, 2), ("he", 3, 4)]


def test_punctuation_within_a_word_stays():
    assert told(" cold", "-", "hearted", " don", "'", "t") == [
        ("cold-hearted", 0, 3),
        ("don't", 3, 6),
    ]


def test_punctuation_by_itself_is_no_word():
    assert told(" Well", " -", " no") == [("Well", 0, 1), ("no", 2, 3)]


def test_a_space_may_be_a_token():
    assert told("a", " ", "b") == [("a", 0, 1), ("b", 2, 3)]


def test_tokens_that_are_parts_of_a_character_are_put_together():
    first, second = "\u00e9".encode()[:1], "\u00e9".encode()[1:]
    assert told("caf", first, second, " noir") == [("caf\u00e9", 0, 3), ("noir", 3, 4)]


def test_a_character_that_breaks_off_is_shown_as_such():
    assert told("caf", b"\xc3") == [("caf\ufffd", 0, 2)]


def test_where_no_spaces_are_written_tokens_are_words():
    assert told("\u4f60\u597d", "\u4e16\u754c", "\u3002", "OK") == [
        ("\u4f60\u597d", 0, 1),
        ("\u4e16\u754c", 1, 2),
        ("OK", 3, 4),
    ]


def test_no_tokens_have_no_words():
    assert told() == []


@pytest.mark.parametrize(("quiet_s", "begins_s"), [(0.5, 0.5), (0.1, 0.0)])
def test_a_word_begins_after_the_pause_before_it(quiet_s, begins_s):
    """But what is quiet for a moment may be a consonant."""
    audio = np.full(16_000, 0.2, np.float32)
    audio[: round(quiet_s * 16_000)] = 0.001
    (word,) = without_pauses([TimedWord("one", 10.0, 11.0)], audio, 10.0)
    assert word.start_s == pytest.approx(10 + begins_s, abs=0.021)
    assert word.end_s == 11.0


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.zeros(16_000, np.float32)])
def test_in_silence_words_stay_where_they_are(audio):
    word = TimedWord("one", 0.2, 0.7)
    assert without_pauses([word], audio, 0.0) == (word,)
