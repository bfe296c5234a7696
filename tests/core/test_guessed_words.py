"""Which words that were found out ahead are those of a turn."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from antiphon.core.clock import Span
from antiphon.core.effects import Transcribe
from antiphon.core.guessed_words import GuessedWords, TranscriptSignal
from antiphon.core.signals import (
    Failure,
    SpeakerTurnHeard,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.wire.audio_config import AudioTranscription

PAUSE = Span(1_000, 20_000)
TURN = Span(1_000, 26_000)
HINTS = AudioTranscription(model="any", language="de")
WANTED = Transcribe(item_id="item_1", source=TURN, hints=HINTS)

EXTENDED = TranscriptExtended("guess_1", "Guten")
ATTRIBUTED = SpeakerTurnHeard("guess_1", "A", 0.0, 1.0, "Guten Morgen")
FINISHED = TranscriptFinished("guess_1", "Guten Morgen")
FAILED = TranscriptFailed("guess_1", Failure("transcribe", "audio_unintelligible", "Nothing."))


def guess(*heard: TranscriptSignal) -> GuessedWords:
    """Words that were found out as far as the signals say."""
    asked = Transcribe(item_id="guess_1", source=PAUSE, hints=HINTS, is_guess=True)
    words = GuessedWords(PAUSE, asked)
    words.heard += heard
    return words


def test_its_id_is_that_under_which_the_words_are_found_out() -> None:
    assert guess().id == "guess_1"


@pytest.mark.parametrize(
    ("heard", "under_way", "words"),
    [
        ((), True, None),
        ((EXTENDED,), True, None),
        ((EXTENDED, ATTRIBUTED), True, None),
        ((EXTENDED, FINISHED), False, "Guten Morgen"),
        ((FINISHED,), False, "Guten Morgen"),
        ((EXTENDED, FAILED), False, None),
    ],
    ids=["nothing yet", "a word", "a speaker", "all", "all at once", "a failure"],
)
def test_words_are_known_once_all_of_them_are(
    heard: tuple[TranscriptSignal, ...], under_way: bool, words: str | None
) -> None:
    found = guess(*heard)
    assert (found.under_way, found.words) == (under_way, words)


@pytest.mark.parametrize("heard", [(), (EXTENDED,), (FINISHED,)])
def test_the_words_up_to_the_pause_are_those_of_the_turn(
    heard: tuple[TranscriptSignal, ...],
) -> None:
    assert guess(*heard).answers(WANTED)


def test_no_words_are_words_as_well() -> None:
    assert guess(TranscriptFinished("guess_1", "")).answers(WANTED)


def test_words_that_could_not_be_found_out_are_tried_once_more() -> None:
    assert not guess(FAILED).answers(WANTED)


@pytest.mark.parametrize(
    "other",
    [
        {"source": Span(2_000, 26_000)},
        {"source": bytes(50_000)},
        {"hints": None},
        {"hints": replace(HINTS, language="en")},
        {"hints": replace(HINTS, prompt="Names: Ada.")},
        {"logprobs": True},
    ],
    ids=["turn", "an item's audio", "no hints", "language", "prompt", "log probabilities"],
)
def test_words_that_are_wanted_otherwise_are_others(other: dict[str, object]) -> None:
    wanted = replace(WANTED, **other)
    assert not guess(FINISHED).answers(wanted)
