import itertools

import pytest

from antiphon.core.speech import TYPICAL_MS_PER_CHAR, SpokenText

TEXT = "One two three. Four five six."
FIRST = len("One two three.")


def spoken() -> SpokenText:
    """Two segments: the first takes 1000 ms, the second 2000 ms."""
    speech = SpokenText()
    speech.say(TEXT)
    speech.sound(400)
    speech.sound(600)
    speech.align(FIRST)
    speech.sound(2000)
    speech.align(len(TEXT))
    return speech


def test_nothing_has_been_heard_before_the_first_sound() -> None:
    assert spoken().heard(0) == ""
    assert spoken().heard(-5) == ""


def test_all_words_have_been_heard_at_the_end() -> None:
    assert spoken().heard(3000) == TEXT
    assert spoken().heard(99_999) == TEXT


def test_a_whole_segment_has_been_heard_at_its_end() -> None:
    assert spoken().heard(1000) == "One two three."


def test_a_word_counts_only_once_it_was_spoken_to_its_end() -> None:
    assert spoken().heard(500) == "One two"
    assert spoken().heard(450) == "One"


def test_segments_have_paces_of_their_own() -> None:
    assert spoken().heard(2000) == "One two three. Four"


@pytest.mark.parametrize("step_ms", [10, 170])
def test_who_listens_longer_never_hears_less(step_ms: int) -> None:
    speech = spoken()
    heard = [speech.heard(ms) for ms in range(0, 3200, step_ms)]
    assert all(after.startswith(before) for before, after in itertools.pairwise(heard))


def test_a_typical_pace_is_assumed_where_words_and_sound_are_not_aligned_yet() -> None:
    speech = SpokenText()
    speech.say("Hello there, how are you?")
    speech.sound(5000)
    assert speech.heard(len("Hello there,") * TYPICAL_MS_PER_CHAR) == "Hello there,"


def test_text_without_sound_has_not_been_heard() -> None:
    speech = SpokenText()
    speech.say("Hello there.")
    assert speech.heard(5000) == ""


def test_a_segment_without_sound_does_not_disturb_the_others() -> None:
    speech = spoken()
    speech.say(" *")
    speech.align(len(speech.text))
    assert speech.heard(2000) == "One two three. Four"
    assert speech.heard(3000).startswith(TEXT)


def test_languages_without_spaces_lose_only_the_characters_that_were_not_heard() -> None:
    speech = SpokenText()
    speech.say("今日は晴れです。")
    speech.sound(800)
    speech.align(len(speech.text))
    assert speech.heard(500) == "今日は晴れ"
