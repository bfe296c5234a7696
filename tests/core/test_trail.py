import pytest

from antiphon.core.trail import LONGEST_TRAIL_FRAMES, SpeechTrail

SPEECH_DB, ROOM_DB = -20.0, -60.0


def trail(*levels_dbfs: float | None) -> SpeechTrail:
    """A trail that has heard frames; each begins at its number."""
    heard = SpeechTrail()
    heard.begin_turn()
    for number, level_dbfs in enumerate(levels_dbfs):
        heard.hear(number, level_dbfs)
    return heard


def test_speech_that_ends_when_the_detector_says_so_has_no_trail():
    assert trail(*[SPEECH_DB] * 9).end(9, ROOM_DB) == 9


def test_frames_that_sound_like_the_room_were_not_speech():
    assert trail(*[SPEECH_DB] * 7, ROOM_DB + 2, ROOM_DB - 2).end(9, ROOM_DB) == 7


def test_noise_is_told_from_speech_by_how_loud_it_is_and_not_by_a_fixed_level():
    noise_db = SPEECH_DB - 10
    assert trail(*[SPEECH_DB] * 7, noise_db, noise_db).end(9, noise_db) == 7


def test_a_voice_that_fades_is_speech():
    assert trail(SPEECH_DB, SPEECH_DB - 10, SPEECH_DB - 20, SPEECH_DB - 30).end(4, ROOM_DB) == 4


def test_a_microphone_that_closes_between_words_closes_on_what_is_far_below_them():
    assert trail(*[SPEECH_DB] * 7, SPEECH_DB - 46, SPEECH_DB - 50).end(9, -100.0) == 7


def test_the_trail_is_no_longer_than_a_detectors_memory():
    assert trail(*[SPEECH_DB] * 3, *[ROOM_DB] * 6).end(9, ROOM_DB) == 9 - LONGEST_TRAIL_FRAMES


def test_each_pause_has_its_own_trail():
    heard = trail(*[SPEECH_DB] * 3, ROOM_DB)
    assert heard.end(4, ROOM_DB) == 3
    heard.hear(7, SPEECH_DB)
    assert heard.end(8, SPEECH_DB) == 7  # as loud as speech: a knock
    assert heard.end(9, ROOM_DB) == 9


def test_how_loud_a_turn_was_says_nothing_about_the_next():
    heard = trail(*[SPEECH_DB] * 3)
    heard.end(3, -100.0)
    heard.begin_turn()
    heard.hear(9, SPEECH_DB - 50)
    assert heard.end(10, -100.0) == 10


@pytest.mark.parametrize("last_dbfs", [None, ROOM_DB])
def test_without_levels_speech_ends_when_the_detector_says_so(last_dbfs):
    assert trail(*[SPEECH_DB] * 3, None).end(4, last_dbfs) == 4
    assert trail(*[SPEECH_DB] * 3, ROOM_DB).end(4, None) == 4
