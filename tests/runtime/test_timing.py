from __future__ import annotations

from antiphon.core.signals import SpeechProbability, TranscriptFinished
from antiphon.observe import Moment, TimelineLog
from antiphon.runtime.timing import TurnTiming


def speech(probability: float) -> SpeechProbability:
    return SpeechProbability(0, 512, probability)


def test_a_response_begins_with_the_turn_that_it_answers():
    log = TimelineLog()
    timing = TurnTiming(log)
    timing.hear(speech(0.9), 1.0)
    timing.hear(speech(0.9), 1.5)
    timing.hear(speech(0.1), 2.0)
    timing.end_turn(2.25)
    timing.create("resp_1", 2.5)
    timing.hear(TranscriptFinished("item_1", "Hello."), 2.75)
    timing.mark("resp_1", Moment.FIRST_AUDIO, 3.0)
    timing.end("resp_1", 4.5)
    timeline = log.find("resp_1")
    assert timeline is not None
    assert timeline.as_ms() == {
        "speech_ended": 0,
        "turn_ended": 750,
        "created": 1000,
        "transcribed": 1250,
        "first_audio": 1500,
        "ended": 3000,
    }


def test_a_turn_belongs_to_one_response_only():
    log = TimelineLog()
    timing = TurnTiming(log)
    timing.hear(speech(0.9), 1.0)
    timing.end_turn(2.0)
    timing.create("resp_1", 2.0)
    timing.create("resp_2", 3.0)
    second = log.find("resp_2")
    assert second is not None
    assert second.as_ms() == {"created": 0}


def test_speech_that_goes_on_is_not_the_turn_of_a_response_asked_for_meanwhile():
    log = TimelineLog()
    timing = TurnTiming(log)
    timing.hear(speech(0.9), 1.0)
    timing.create("resp_1", 2.0)
    first = log.find("resp_1")
    assert first is not None
    assert first.as_ms() == {"created": 0}


def test_marks_after_the_end_are_dropped():
    log = TimelineLog()
    timing = TurnTiming(log)
    timing.create("resp_1", 1.0)
    timing.end("resp_1", 2.0)
    timing.mark("resp_1", Moment.FIRST_AUDIO, 3.0)
    timeline = log.find("resp_1")
    assert timeline is not None
    assert timeline.as_ms() == {"created": 0, "ended": 1000}


# --- what is worked out ahead ---------------------------------------------------------------------


def test_what_was_worked_out_ahead_is_part_of_the_timeline():
    log = TimelineLog()
    timing = TurnTiming(log)
    timing.hear(speech(0.9), 1.0)
    timing.hear(TranscriptFinished("guess_1", "Hello."), 1.25)
    timing.begin_ahead("resp_1", 1.25)
    timing.mark("resp_1", Moment.STARTED, 1.25)
    timing.mark("resp_1", Moment.FIRST_AUDIO, 1.5)
    timing.mark("resp_1", Moment.FIRST_AUDIO, 1.75)
    timing.end_turn(2.0)
    timing.create("resp_1", 2.0)
    timing.mark("resp_1", Moment.FIRST_AUDIO, 2.0)
    timing.end("resp_1", 3.0)
    timeline = log.find("resp_1")
    assert timeline is not None
    assert timeline.as_ms() == {
        "speech_ended": 0,
        "transcribed": 250,
        "guessed": 250,
        "started": 250,
        "first_audio": 500,
        "turn_ended": 1000,
        "created": 1000,
        "ended": 2000,
    }


def test_what_was_worked_out_for_nothing_is_worked_out_again():
    log = TimelineLog()
    timing = TurnTiming(log)
    timing.begin_ahead("resp_1", 1.0)
    timing.mark("resp_1", Moment.STARTED, 1.0)
    timing.mark("resp_1", Moment.FIRST_TOKEN, 1.25)
    timing.create("resp_1", 2.0)
    timing.forget_ahead("resp_1", 2.25)
    timing.mark("resp_1", Moment.STARTED, 2.25)
    timeline = log.find("resp_1")
    assert timeline is not None
    assert timeline.as_ms() == {
        "guessed": 0,
        "created": 1000,
        "guess_dropped": 1250,
        "started": 1250,
    }


def test_what_was_dropped_before_there_was_a_response_leaves_no_trace():
    log = TimelineLog()
    timing = TurnTiming(log)
    timing.begin_ahead("resp_1", 1.0)
    timing.forget_ahead("resp_1", 2.0)
    timing.mark("resp_1", Moment.FIRST_TOKEN, 2.5)
    assert log.find("resp_1") is None
    timing.create("resp_1", 3.0)
    timeline = log.find("resp_1")
    assert timeline is not None
    assert timeline.as_ms() == {"created": 0}


def test_words_of_a_pause_that_was_none_are_not_those_of_the_turn():
    log = TimelineLog()
    timing = TurnTiming(log)
    timing.hear(speech(0.9), 1.0)
    timing.hear(TranscriptFinished("guess_1", "Hello."), 1.5)
    timing.hear(speech(0.9), 2.0)
    timing.end_turn(3.0)
    timing.create("resp_1", 3.0)
    timeline = log.find("resp_1")
    assert timeline is not None
    assert timeline.as_ms() == {"speech_ended": 0, "turn_ended": 1000, "created": 1000}
