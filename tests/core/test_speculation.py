"""What is worked out while a speaker pauses: nobody may notice, except that answers come sooner.

Most tests tell the same story to a session that works ahead and to one that does not, and compare
what their clients see.
"""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.core.effects import (
    DropGuess,
    GuessResponse,
    NeedTranscript,
    ReleaseGuess,
    StartResponse,
    StopResponse,
    StopTranscribing,
    Transcribe,
)
from antiphon.core.plan import Speculation
from antiphon.core.signals import (
    TextGenerated,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.core.window import Reader
from antiphon.engines.scripted.word_counter import WordCounter
from antiphon.wire.audio_config import AudioTranscription, ServerVad

from .mcp.support import READ, McpRig
from .support import called, spoken, types, written
from .talk import (
    FAILURE,
    LOOK_UP,
    TOLD,
    Talk,
    as_told,
    tell,
    update,
    without_id,
)

# --- the pause ------------------------------------------------------------------------------------


def test_a_pause_has_the_words_so_far_found_out_and_tells_nobody() -> None:
    talk = Talk(transcription=TOLD)
    assert types(talk.speech(480)) == ["input_audio_buffer.speech_started"]
    assert talk.silence(64) == []
    (request,) = talk.effects(Transcribe)
    assert request.is_guess
    assert request.hints == TOLD
    assert request.source.end == (480 + 64) * 16  # type: ignore[union-attr]  # it is a span
    assert talk.hear_words() == []


def test_nothing_is_worked_out_where_it_is_not_wanted() -> None:
    talk = Talk("off")
    talk.pause()
    assert talk.effects(Transcribe) == []


@pytest.mark.parametrize(
    "talk",
    [Talk("words"), Talk(vad=ServerVad(silence_duration_ms=320, create_response=False))],
    ids=["words only", "the client asks for responses itself"],
)
def test_only_words_are_found_out_where_nothing_more_is_wanted(talk: Talk) -> None:
    talk.pause()
    talk.hear_words()
    talk.end_turn()
    assert talk.effects(GuessResponse) == []
    assert [request.is_guess for request in talk.effects(Transcribe)] == [True]
    assert talk.item("item_1")["content"][0]["transcript"] == "Hello there"


@pytest.mark.parametrize("modality", ["text", "audio"])
def test_what_is_worked_out_is_just_what_the_response_would_run_with(modality: Any) -> None:
    plans = []
    for speculation in ("off", "answers"):
        talk = tell(Talk(speculation, modality=modality, tools=(LOOK_UP,)))
        plans.append(without_id(talk.plan))
    assert plans[0] == plans[1]


def test_a_turn_in_which_nothing_was_said_is_not_answered_ahead() -> None:
    talk = Talk()
    talk.pause()
    talk.hear_words("")
    assert talk.effects(GuessResponse) == []
    assert types(talk.end_turn())[-2:] == ["response.created", "response.done"]


def test_no_answer_is_worked_out_beside_another() -> None:
    talk = Talk(vad=ServerVad(silence_duration_ms=320, interrupt_response=False))
    tell(talk)
    talk.send("response.create")
    talk.pause()
    talk.hear_words()
    assert len(talk.effects(GuessResponse)) == 1  # that of the first turn


def test_an_answer_that_would_fail_is_not_worked_out() -> None:
    talk = Talk(reader=Reader(WordCounter(), 64))
    talk.pause()
    talk.hear_words("why " * 100)
    assert talk.effects(GuessResponse) == []
    done = talk.end_turn()[-1]["response"]
    assert done["status_details"]["error"]["code"] == "context_length_exceeded"


# --- the turn is over -----------------------------------------------------------------------------


def test_the_answer_is_released_once_its_response_is_there() -> None:
    talk = Talk()
    talk.pause()
    talk.hear_words()
    frames = talk.end_turn()
    assert types(frames) == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    response_id = frames[-1]["response"]["id"]
    assert talk.answer_effects() == [GuessResponse(talk.guess), ReleaseGuess(response_id)]
    assert talk.guess.response_id == response_id
    assert isinstance(talk.log[-1], ReleaseGuess)


@pytest.mark.parametrize("modality", ["text", "audio"])
@pytest.mark.parametrize("transcription", [None, TOLD])
@pytest.mark.parametrize("speculation", ["words", "answers"])
def test_the_client_sees_the_same_as_without(
    speculation: Speculation, modality: Any, transcription: AudioTranscription | None
) -> None:
    given = {"modality": modality, "transcription": transcription}
    without, ahead = tell(Talk("off", **given)), tell(Talk(speculation, **given))
    assert as_told(ahead.frames) == as_told(without.frames)


@pytest.mark.parametrize("known", ["in the pause", "half", "at the end", "late"])
def test_it_makes_no_difference_to_the_client_when_the_words_become_known(known: str) -> None:
    told = []
    for speculation in ("off", "answers"):
        talk = Talk(speculation, transcription=TOLD)
        talk.pause()
        words = [TranscriptExtended, TranscriptFinished]
        if speculation == "answers":
            (guess,) = talk.effects(Transcribe)
            done = {"in the pause": 2, "half": 1}.get(known, 0)
            assert talk.feed(*(kind(guess.item_id, "Hello") for kind in words[:done])) == []
            words = words[done:]
        talk.end_turn()
        if known == "late":
            talk.silence(320)
        (request,) = talk.effects(Transcribe)
        talk.feed(*(kind(request.item_id, "Hello") for kind in words))
        talk.answer("Hello")
        told.append(as_told(talk.frames))
    assert told[0] == told[1]


def test_words_that_are_not_known_at_the_end_of_the_turn_are_needed_then() -> None:
    talk = Talk(transcription=TOLD)
    talk.pause()
    talk.end_turn()
    (guess,) = talk.effects(Transcribe)
    assert talk.effects(NeedTranscript) == [NeedTranscript(guess.item_id)]
    delta, completed = talk.hear_words()
    assert (delta["item_id"], completed["item_id"]) == ("item_1", "item_1")
    assert talk.answer_effects() == [StartResponse(talk.plan)]


def test_words_that_could_not_be_found_out_are_tried_once_more() -> None:
    talk = Talk()
    talk.pause()
    assert talk.feed(TranscriptFailed("guess_1", FAILURE)) == []
    talk.end_turn()
    guess, request = talk.effects(Transcribe)
    assert (guess.is_guess, request.is_guess) == (True, False)
    assert request.item_id == "item_1"
    talk.feed(TranscriptFinished("item_1", "Hello"))
    assert [message.text for message in talk.plan.messages] == ["Hello"]


def test_words_that_fail_once_they_are_needed_fail_the_answer() -> None:
    talk = Talk()
    talk.pause()
    talk.end_turn()
    done = talk.feed(TranscriptFailed("guess_1", FAILURE))[-1]
    assert done["response"]["status_details"]["error"]["code"] == FAILURE.code


# --- the speaker goes on --------------------------------------------------------------------------


@pytest.mark.parametrize("words_known", [True, False])
def test_if_the_speaker_goes_on_it_is_as_if_nothing_had_been_worked_out(words_known: bool) -> None:
    without, ahead = Talk("off", transcription=TOLD), Talk(transcription=TOLD)
    for talk in (without, ahead):
        talk.say("Good morning")
        talk.pause()
        if words_known and talk is ahead:
            talk.hear_words()
        assert talk.go_on() == []
        talk.silence(320)
        talk.hear_words("Hello there, and good morning")
        talk.answer("Hello")
    assert as_told(ahead.frames) == as_told(without.frames)
    stopped = [] if words_known else [StopTranscribing("guess_1")]
    assert ahead.effects(StopTranscribing) == stopped
    assert len(ahead.effects(DropGuess)) == words_known


def test_each_pause_is_a_new_chance() -> None:
    talk = Talk()
    for words in ("What", "What is", "What is new"):
        talk.pause()
        talk.hear_words(words)
    talk.end_turn()
    assert [message.text for message in talk.plan.messages] == ["What is new"]
    first, second, third = (effect.plan.response_id for effect in talk.effects(GuessResponse))
    assert talk.effects(DropGuess) == [DropGuess(first), DropGuess(second)]
    assert talk.effects(ReleaseGuess) == [ReleaseGuess(third)]


def test_words_of_a_pause_that_is_over_are_dropped() -> None:
    talk = Talk(transcription=TOLD)
    talk.pause()
    talk.go_on()
    assert talk.feed(TranscriptFinished("guess_1", "Hello")) == []
    assert talk.effects(GuessResponse) == []


def test_what_an_answer_yields_after_it_was_dropped_is_dropped() -> None:
    talk = Talk()
    talk.pause()
    talk.hear_words()
    talk.go_on()
    assert talk.feed(TextGenerated(talk.guess.response_id, "Hello", 1)) == []
    assert talk.session.dropped_signals == 1


# --- after the release ----------------------------------------------------------------------------


def test_a_released_answer_is_interrupted_as_any_other() -> None:
    talk = Talk(modality="audio")
    talk.pause()
    talk.hear_words()
    talk.end_turn()
    talk.feed(*spoken(talk.plan.response_id, "Hello", ending=None))
    *_, done = talk.speech(960)
    assert done["response"]["status"] == "cancelled"
    assert talk.effects(StopResponse) == [StopResponse(talk.guess.response_id)]


def test_the_next_turn_is_answered_ahead_again() -> None:
    talk = Talk()
    for _ in range(2):
        tell(talk)
    assert [effect.response_id for effect in talk.effects(ReleaseGuess)] == ["resp_1", "resp_2"]


class McpTalk(Talk, McpRig):
    """A spoken conversation with an MCP server."""


def test_tools_are_called_by_released_answers_only() -> None:
    talk = McpTalk()
    talk.offer(READ, require_approval="never")
    talk.pause()
    talk.hear_words()
    assert talk.guess.tools
    talk.go_on()
    talk.feed(*called(talk.guess.response_id, "read", '{"path": "/tmp"}'))
    assert talk.calls == []
    talk.silence(64)
    talk.hear_words()
    talk.end_turn()
    talk.feed(*called(talk.plan.response_id, "read", '{"path": "/tmp"}'))
    assert [call.name for call in talk.calls] == ["read"]


def test_the_words_of_a_dropped_answer_are_nobodys() -> None:
    talk = Talk()
    talk.pause()
    talk.hear_words("Hello")
    update(instructions="Rhyme.")(talk)
    talk.end_turn()
    talk.feed(*written(talk.plan.response_id, "Well met"))
    done = talk.frames[-1]["response"]
    assert done["output"][0]["content"][0]["text"] == "Well met"
    assert done["usage"]["output_tokens"] == 1
