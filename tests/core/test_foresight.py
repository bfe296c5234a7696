"""What is worked out before it is known whether the turn is over."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from antiphon.core.effects import (
    DropGuess,
    GuessResponse,
    PredictMessageEnd,
    StartResponse,
    Transcribe,
    WarmPrompt,
)
from antiphon.core.plan import Speculation
from antiphon.core.signals import Failure, MessageEndPredicted, TranscriptFailed, TranscriptFinished
from antiphon.wire.audio_config import SemanticVad, ServerVad

from .test_semantic_turns import SEMANTIC, Speaker

WORDS = "Tell me a story."


def pause(speaker: Speaker, words: str = WORDS) -> str:
    """Have somebody say something and pause; return the pause's id."""
    pause_id = speaker.pause()
    speaker.feed(TranscriptFinished(pause_id, words))
    return pause_id


def read_ahead(speaker: Speaker, words: str) -> None:
    """Have the words be found out of somebody who goes on speaking."""
    speaker.speech(1600)
    speaker.feed(TranscriptFinished(speaker.asked(Transcribe)[-1].item_id, words))


# --- whether the message ends here ------------------------------------------------------------


def test_the_language_model_is_asked_about_just_what_it_would_answer() -> None:
    speaker = Speaker(reads_ends=True)
    speaker.say("Hello.")
    pause_id = pause(speaker)
    (asked,) = speaker.asked(PredictMessageEnd)
    assert asked.pause_id == pause_id
    assert [one.text for one in asked.plan.messages] == ["Hello.", WORDS]
    speaker.feed(MessageEndPredicted(pause_id, 0.9))
    (guess,) = speaker.asked(GuessResponse)
    assert replace(guess.plan, response_id=asked.plan.response_id) == asked.plan


def test_where_the_silence_decides_the_language_model_is_not_asked_about_the_end() -> None:
    speaker = Speaker(reads_ends=True, turn_detection=ServerVad())
    pause(speaker)
    assert not speaker.asked(PredictMessageEnd)
    assert len(speaker.asked(GuessResponse)) == 1


def test_a_language_model_that_cannot_tell_ends_is_not_asked() -> None:
    speaker = Speaker(reads_ends=False)
    pause(speaker)
    assert not speaker.asked(PredictMessageEnd)
    assert len(speaker.asked(GuessResponse)) == 1


def test_what_the_language_model_expects_decides_how_long_the_speaker_is_waited_for() -> None:
    waited_ms = []
    for probability in (0.01, 0.5, 0.99):
        speaker = Speaker(reads_ends=True, turn_detection=SemanticVad(eagerness="low"))
        speaker.feed(MessageEndPredicted(pause(speaker), probability))
        waited_ms.append(speaker.wait_for_the_end())
    assert waited_ms == sorted(set(waited_ms), reverse=True)


@pytest.mark.parametrize("speculation", ["off", "words"])
def test_the_end_is_judged_also_where_no_answer_is_worked_out(speculation: Speculation) -> None:
    likely = Speaker(reads_ends=True, speculation=speculation)
    unlikely = Speaker(reads_ends=True, speculation=speculation)
    for speaker, probability in ((likely, 0.99), (unlikely, 0.01)):
        speaker.feed(MessageEndPredicted(pause(speaker), probability))
        assert not speaker.asked(GuessResponse)
    assert likely.wait_for_the_end() < unlikely.wait_for_the_end()
    assert len(likely.asked(StartResponse)) == 1


def test_the_end_is_judged_also_where_the_client_asks_for_answers_itself() -> None:
    turns = SemanticVad(eagerness="medium", create_response=False)
    speaker = Speaker(reads_ends=True, turn_detection=turns)
    speaker.feed(MessageEndPredicted(pause(speaker), 0.99))
    assert len(speaker.asked(PredictMessageEnd)) == 1
    speaker.wait_for_the_end()
    assert not speaker.asked(GuessResponse)
    assert not speaker.asked(StartResponse)


@pytest.mark.parametrize("reads_ends", [True, False])
def test_beside_another_answer_nothing_is_asked_of_the_language_model(reads_ends: bool) -> None:
    turns = SemanticVad(eagerness="medium", interrupt_response=False)
    speaker = Speaker(reads_ends=reads_ends, turn_detection=turns)
    speaker.say("Hello.")
    speaker.send("response.create")
    pause(speaker)
    assert not speaker.asked(PredictMessageEnd)
    assert not speaker.asked(GuessResponse)


@pytest.mark.parametrize("reads_ends", [True, False])
def test_a_pause_without_words_leads_to_nothing(reads_ends: bool) -> None:
    speaker, other = Speaker(reads_ends=reads_ends), Speaker(reads_ends=reads_ends)
    pause(speaker, "")
    failure = Failure("transcribe", "server_error", "It broke.")
    other.feed(TranscriptFailed(other.pause(), failure))
    for one in (speaker, other):
        assert not one.asked(PredictMessageEnd)
        assert not one.asked(GuessResponse)


def test_what_is_said_of_the_end_after_the_client_took_the_audio_is_dropped() -> None:
    for event in ("input_audio_buffer.commit", "input_audio_buffer.clear"):
        speaker = Speaker(reads_ends=True)
        pause_id = pause(speaker)
        speaker.send(event)
        before = list(speaker.log)
        speaker.feed(MessageEndPredicted(pause_id, 0.99))
        assert speaker.log == before


def test_an_answer_is_dropped_when_the_speaker_goes_on() -> None:
    speaker = Speaker(reads_ends=True)
    speaker.feed(MessageEndPredicted(pause(speaker), 0.2))
    speaker.speech(320)
    (guess,), (dropped,) = speaker.asked(GuessResponse), speaker.asked(DropGuess)
    assert dropped.response_id == guess.plan.response_id


# --- reading along ----------------------------------------------------------------------------


@pytest.mark.parametrize("turn_detection", [SEMANTIC, ServerVad()])
def test_words_of_somebody_who_goes_on_are_read_and_nothing_more(
    turn_detection: SemanticVad | ServerVad,
) -> None:
    speaker = Speaker(reads_ends=True, turn_detection=turn_detection)
    speaker.say("Hello.")
    read_ahead(speaker, "I would like")
    warmed = speaker.asked(WarmPrompt)[-1]
    assert [one.text for one in warmed.messages] == ["Hello.", "I would like"]
    assert not speaker.asked(PredictMessageEnd)
    assert not speaker.asked(GuessResponse)


def test_words_of_somebody_who_goes_on_end_no_turn() -> None:
    """They are no evidence: the pause that follows begins with none."""
    speaker, silent = Speaker(), Speaker()
    read_ahead(speaker, "That is all.")
    silent.speech(1600)
    assert speaker.wait_for_the_end() == silent.wait_for_the_end()


@pytest.mark.parametrize("speculation", ["off", "words"])
def test_nothing_is_read_along_where_no_answer_is_worked_out(speculation: Speculation) -> None:
    speaker = Speaker(speculation=speculation)
    speaker.speech(3200)
    assert not speaker.asked(Transcribe)


def test_beside_another_answer_nothing_is_read_along() -> None:
    turns = SemanticVad(eagerness="medium", interrupt_response=False)
    speaker = Speaker(turn_detection=turns)
    speaker.say("Hello.")
    speaker.send("response.create")
    before = speaker.asked(WarmPrompt)
    read_ahead(speaker, "I would like")
    assert speaker.asked(WarmPrompt) == before
