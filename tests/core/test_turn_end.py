import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.turn_end import (
    SHORTEST_WAIT_MS,
    TYPICAL_PAUSE_MS,
    Eagerness,
    Evidence,
    log_odds_of_end,
    silence_ms_needed,
    wait_ms,
)
from antiphon.core.turns import LONGEST_PAUSE_MS

EAGERNESSES: tuple[Eagerness, ...] = ("low", "medium", "high", "auto")

probabilities = st.floats(0, 1)
transcripts = st.sampled_from(
    (
        "",
        "Um,",
        "Yes.",
        "What time is it?",
        "I'd like to book a table for.",
        "I'd like to book a table for four people tomorrow evening.",
        "Je voudrais réserver une table pour",
        "明日の天気は?",
    )
)
evidence = st.builds(
    Evidence,
    finished=st.none() | probabilities,
    transcript=st.none() | transcripts,
    message_ends=st.none() | probabilities,
)


@given(evidence, st.sampled_from(EAGERNESSES))
def test_the_wait_is_never_longer_than_the_eagerness_allows_nor_a_gap_between_words(
    known: Evidence, eagerness: Eagerness
) -> None:
    assert SHORTEST_WAIT_MS <= silence_ms_needed(known, eagerness) <= LONGEST_PAUSE_MS[eagerness]


@given(st.none() | transcripts, st.none() | probabilities, probabilities, probabilities)
def test_the_surer_the_predictor_the_shorter_the_wait(
    transcript: str | None, message_ends: float | None, one: float, other: float
) -> None:
    surer, less_sure = (
        silence_ms_needed(
            Evidence(finished=finished, transcript=transcript, message_ends=message_ends), "medium"
        )
        for finished in (max(one, other), min(one, other))
    )
    assert surer <= less_sure


@given(st.none() | probabilities, transcripts, probabilities, probabilities)
def test_the_surer_the_language_model_the_shorter_the_wait(
    finished: float | None, transcript: str, one: float, other: float
) -> None:
    surer, less_sure = (
        silence_ms_needed(
            Evidence(finished=finished, transcript=transcript, message_ends=message_ends), "medium"
        )
        for message_ends in (max(one, other), min(one, other))
    )
    assert surer <= less_sure


@given(evidence)
def test_the_more_eager_the_shorter_the_wait(known: Evidence) -> None:
    low, medium, high = (silence_ms_needed(known, name) for name in ("low", "medium", "high"))
    assert high <= medium <= low
    assert silence_ms_needed(known, "auto") == medium


@pytest.mark.parametrize("eagerness", EAGERNESSES)
def test_without_evidence_the_wait_is_the_longest(eagerness: Eagerness) -> None:
    assert silence_ms_needed(Evidence(), eagerness) == LONGEST_PAUSE_MS[eagerness]


@pytest.mark.parametrize(
    ("finished", "hanging"),
    [
        ("I'd like a table for four people.", "I'd like a table for."),
        ("I'd like a table for four people.", "I'd like a table for four people and."),
        ("Set an alarm for seven.", "Set an alarm for seven, um."),
        (
            "I think I know what I\N{RIGHT SINGLE QUOTATION MARK}m doing.",
            "I think I know what I'm.",
        ),
        (
            "I think I know what she's doing.",
            "I think I know what she\N{RIGHT SINGLE QUOTATION MARK}s",
        ),
        ("Turn off the lights in the kitchen.", "Turn off the lights in the kitchen,"),
    ],
)
def test_words_that_leave_a_sentence_open_lengthen_the_wait(finished: str, hanging: str) -> None:
    over, open_ = (
        silence_ms_needed(Evidence(transcript=text), "medium") for text in (finished, hanging)
    )
    assert over < open_


def test_one_recognized_word_says_less_than_a_sentence() -> None:
    word, sentence = (
        log_odds_of_end(Evidence(transcript=text)) for text in ("Table.", "Book a table for six.")
    )
    assert word is not None
    assert sentence is not None
    assert word < sentence


def test_a_finished_question_by_all_signals_ends_the_turn_within_a_second() -> None:
    everything = Evidence(finished=0.97, transcript="What time is it?", message_ends=0.8)
    assert silence_ms_needed(everything, "medium") < 1000


def test_an_open_sentence_by_all_signals_is_waited_for_longer_than_people_think() -> None:
    everything = Evidence(finished=0.02, transcript="I'd like to go to the", message_ends=0.001)
    assert silence_ms_needed(everything, "low") > 2000
    assert silence_ms_needed(everything, "high") == LONGEST_PAUSE_MS["high"]


def test_the_wait_costs_least_where_the_formula_says() -> None:
    probability, caution = 0.3, 2.0
    cut_off_costs_ms = TYPICAL_PAUSE_MS * math.exp(caution)

    def cost_ms(wait: float) -> float:
        goes_on_later = math.exp(-wait / TYPICAL_PAUSE_MS)
        return probability * wait + (1 - probability) * cut_off_costs_ms * goes_on_later

    best_ms = wait_ms(math.log(probability / (1 - probability)), caution)
    assert best_ms > SHORTEST_WAIT_MS
    assert cost_ms(best_ms) < cost_ms(best_ms - 20)
    assert cost_ms(best_ms) < cost_ms(best_ms + 20)
