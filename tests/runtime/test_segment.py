from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.runtime.segment import (
    FIRST_BREATH_WORDS,
    FIRST_CLAUSE_WORDS,
    LONGEST_WORDS,
    Segment,
    Segmenter,
)


def segments_of(*pieces: str) -> list[Segment]:
    segmenter = Segmenter()
    return [one for piece in pieces for one in segmenter.push(piece)] + segmenter.flush()


def streamed(text: str) -> list[str]:
    """What is spoken of a text that comes letter by letter."""
    return [segment.text for segment in segments_of(*text)]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Yes. It is.", ["Yes.", "It is."]),
        ("Really?! Yes.", ["Really?!", "Yes."]),
        ('He said "no!" Then he left.', ['He said "no!"', "Then he left."]),
        ("Well … maybe.", ["Well …", "maybe."]),
        ("One line\nAnother line\n\nA third", ["One line", "Another line", "A third"]),
        ("はい。そうです。", ["はい。", "そうです。"]),
    ],
)
def test_sentences_are_spoken_one_by_one(text, spoken):
    assert streamed(text) == spoken


@pytest.mark.parametrize(
    "text",
    [
        "Ask Dr. Smith.",
        "See Mr. J. Doe.",
        "Pi is 3.14 or so.",
        "Bread, e.g. rye.",
        "It costs $2.50.",
        "Go to example.com now.",
        "1. Stir.",
    ],
)
def test_a_point_within_a_sentence_does_not_end_it(text):
    assert streamed(text) == [text]


def test_a_number_ends_a_sentence_as_a_word_does():
    assert streamed("That was 1999. Then came 2000.") == ["That was 1999.", "Then came 2000."]


def test_the_first_piece_is_cut_at_a_comma_once_it_is_worth_it():
    assert streamed("Well, of course, I can help.") == ["Well, of course,", "I can help."]


def test_later_pieces_are_whole_sentences():
    text = "Sure. Of the three, the last, I think, is best."
    assert streamed(text) == ["Sure.", "Of the three, the last, I think, is best."]


def test_without_punctuation_the_first_piece_is_cut_where_one_would_draw_breath():
    text = "The very old city hall stands in the middle of town today"
    first, *_ = streamed(text)
    assert first == "The very old city hall stands"
    assert len(first.split()) <= FIRST_BREATH_WORDS


def test_without_a_good_place_it_is_cut_all_the_same():
    words = [f"word{number}" for number in range(200)]
    first, second, *_ = streamed(" ".join(words))
    assert first.split() == words[:FIRST_BREATH_WORDS]
    assert len(second.split()) == LONGEST_WORDS


def test_a_long_sentence_is_cut_at_a_late_comma():
    opening = " ".join(["word"] * (LONGEST_WORDS // 2))
    assert streamed(f"Yes. {opening}, and on.")[1] == f"{opening},"


def test_a_comma_too_early_is_not_a_place_to_break():
    assert FIRST_CLAUSE_WORDS > 1
    assert streamed("Well, yes.") == ["Well, yes."]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("# Title\nIt is **very** `good`.", ["Title", "It is very good."]),
        ("It is _so_ ~~bad~~ good.", ["It is so bad good."]),
        ("Done. ***\n\n😀\n", ["Done."]),
        ("***", []),
        ("", []),
        (" \n ", []),
    ],
)
def test_marks_of_written_text_are_not_spoken(text, spoken):
    assert streamed(text) == spoken


def test_a_piece_says_how_far_into_the_answer_it_reaches():
    assert segments_of("Yes. ", "It is. ", "**Bye.**") == [
        Segment("Yes.", 4),
        Segment("It is.", 11),
        Segment("Bye.", 20),
    ]


def test_nothing_is_given_before_it_is_complete():
    segmenter = Segmenter()
    assert segmenter.push("It costs 3") == []
    assert segmenter.push(".") == []
    assert segmenter.push("5 euros.") == []
    assert segmenter.push(" ") == [Segment("It costs 3.5 euros.", 19)]


ANSWERS = st.text(alphabet="abcde12 \n.,;:!?\"'()-*_`#", max_size=300)


@given(ANSWERS, st.lists(st.integers(0, 300), max_size=8))
def test_however_it_is_cut_every_word_is_spoken_once_and_in_order(text, places):
    cuts = sorted({0, *(min(place, len(text)) for place in places), len(text)})
    segments = segments_of(*(text[a:b] for a, b in pairwise(cuts)))
    said = ""
    for segment in segments:
        said += "".join(segment.text.split())
        so_far = text[: segment.end_chars]
        assert [c for c in said if c.isalnum()] == [c for c in so_far if c.isalnum()]
    ends = [segment.end_chars for segment in segments]
    assert ends == sorted(set(ends))
    unspoken = text[ends[-1] :] if ends else text
    assert not any(char.isalnum() for char in unspoken)


@given(ANSWERS.filter(lambda text: not re.search(r"\d\s*-\s*\d", text)))  # ranges are read out
def test_words_are_never_cut_in_two(text):
    plain = text.translate(str.maketrans("", "", "*_`#~|"))
    words = [word for word in plain.split() if any(char.isalnum() for char in word)]
    spoken = [word for segment in streamed(text) for word in segment.split()]
    assert [word for word in spoken if any(char.isalnum() for char in word)] == words


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It takes 2-3 hours.", "It takes 2 to 3 hours."),
        ("From 1914–1918 only.", "From 1914 to 1918 only."),  # noqa: RUF001 (en dash)
        ("Call 555-123-4567 now.", "Call 555-123-4567 now."),
    ],
)
def test_ranges_of_numbers_are_said_in_words(written, said):
    segmenter = Segmenter()
    (segment,) = segmenter.push(written) + segmenter.flush()
    assert segment.text == said
    assert segment.end_chars == len(written)
