"""What becomes of an answer that was worked out ahead when something else happens in the pause."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from antiphon.config import Limits
from antiphon.core.effects import (
    CloseConnection,
    DropGuess,
    GuessResponse,
    KeepResponse,
    ReleaseGuess,
    StartResponse,
    StopResponse,
    StopTranscribing,
    Transcribe,
)
from antiphon.core.signals import (
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.core.window import Reader
from antiphon.engines.scripted.word_counter import WordCounter
from antiphon.runtime.rate_limits import KeyAccount

from .support import called, types
from .talk import (
    FAILURE,
    LOOK_UP,
    TOLD,
    Talk,
    as_told,
    create,
    recording,
    respond,
    tell,
    update,
)

# --- something changes in the pause ---------------------------------------------------------------


CHANGES: dict[str, Callable[[Talk], object]] = {
    "instructions": update(instructions="Rhyme."),
    "voice": update(audio={"output": {"voice": "marin"}}),
    "speed": update(audio={"output": {"speed": 1.5}}),
    "modality": update(output_modalities=["audio"]),
    "tools": update(tools=[{"type": "function", "name": "look_up", "parameters": {}}]),
    "length": update(max_output_tokens=100),
    "an item": lambda talk: talk.say("And be quick"),
    "an item less": lambda talk: talk.send("conversation.item.delete", item_id="item_1"),
    "a call": create(type="function_call", name="look_up", arguments="{}", call_id="mine"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_that_would_be_another_by_now_is_worked_out_afresh(change: str) -> None:
    without, ahead = tell(Talk("off"), CHANGES[change]), tell(Talk(), CHANGES[change])
    response_id = ahead.guess.response_id
    guessed, dropped, started, _kept = ahead.answer_effects()
    assert (guessed, dropped) == (GuessResponse(ahead.guess), DropGuess(response_id))
    assert started == StartResponse(replace(without.plan, response_id=response_id))
    assert ahead.plan != ahead.guess
    assert as_told(ahead.frames) == as_told(without.frames)


def test_the_output_of_a_function_changes_the_answer() -> None:
    talk = Talk(tools=(LOOK_UP,))
    talk.say("Look it up")
    talk.send("response.create")
    talk.feed(*called(talk.plan.response_id, "look_up", "{}"))
    talk.pause()
    talk.hear_words()
    call = next(frame for frame in talk.frames if frame["type"] == "response.output_item.done")
    call_id = call["item"]["call_id"]
    create(type="function_call_output", call_id=call_id, output="42")(talk)
    talk.end_turn()
    assert talk.effects(DropGuess) == [DropGuess(talk.guess.response_id)]
    assert "42" in [message.text for message in talk.plan.messages]


def test_a_window_that_has_become_narrower_changes_the_answer() -> None:
    talk = Talk(reader=Reader(WordCounter(), 100))
    talk.say("once " * 20)
    talk.say("twice " * 20)
    talk.pause()
    talk.hear_words()
    limits = {"token_limits": {"post_instructions": 30}, "retention_ratio": 1.0}
    update(truncation={"type": "retention_ratio", **limits})(talk)
    talk.end_turn()
    assert talk.effects(DropGuess) == [DropGuess(talk.guess.response_id)]
    assert len(talk.plan.messages) < len(talk.guess.messages)


SAME: dict[str, Callable[[Talk], object]] = {
    "a look at an item": lambda talk: talk.item("item_1"),
    "settings as they were": update(instructions="Be brief."),
    "a response out of band": respond(conversation="none", input=[]),
    "a refused event": lambda talk: talk.send("response.cancel"),
    "other silence": update(
        audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}}}
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_what_does_not_change_the_answer_does_not_cost_it(case: str) -> None:
    without, ahead = tell(Talk("off"), SAME[case]), tell(Talk(), SAME[case])
    assert ahead.effects(ReleaseGuess) == [ReleaseGuess(ahead.guess.response_id)]
    assert ahead.effects(DropGuess) == []
    assert as_told(ahead.frames) == as_told(without.frames)


@pytest.mark.parametrize("words", ["Hello there", "Hallo"])
def test_words_are_found_out_again_if_they_are_wanted_in_another_way(words: str) -> None:
    talk = Talk(transcription=TOLD)
    talk.pause()
    talk.hear_words("Hello there")
    in_german = {"model": "any", "language": "de"}
    update(audio={"input": {"transcription": in_german}})(talk)
    talk.end_turn()
    _, request = talk.effects(Transcribe)
    assert request.hints is not None
    assert (request.item_id, request.hints.language) == ("item_1", "de")
    talk.hear_words(words)
    assert [message.text for message in talk.plan.messages] == [words]
    assert len(talk.effects(ReleaseGuess)) == (words == "Hello there")  # the answer is the same
    assert talk.item("item_1")["content"][0]["transcript"] == words


def test_words_that_are_wanted_in_another_way_are_not_found_out_in_this_one_any_more() -> None:
    talk = Talk(transcription=TOLD)
    talk.pause()
    update(audio={"input": {"transcription": None}})(talk)
    talk.end_turn()
    assert talk.effects(StopTranscribing) == [StopTranscribing("guess_1")]
    assert talk.feed(TranscriptFinished("guess_1", "Hello there")) == []
    talk.feed(TranscriptFinished("item_1", "Hello there"))
    talk.answer("Hello")
    talk.send("conversation.item.create", item=recording())
    talk.hear_words()
    assert talk.effects(GuessResponse) == []  # the turn has been over for long


def test_words_of_an_earlier_item_that_come_in_the_pause_are_part_of_the_answer() -> None:
    talk = Talk()
    talk.send("conversation.item.create", item=recording())
    talk.pause()
    talk.feed(TranscriptFinished("guess_1", "two"))
    talk.feed(TranscriptFinished("item_1", "one"))
    talk.end_turn()
    assert [message.text for message in talk.plan.messages] == ["one", "two"]


def test_audio_that_is_sent_as_an_item_in_the_pause_does_not_disturb_the_guess() -> None:
    talk = Talk("words")
    talk.pause()
    talk.send("conversation.item.create", item=recording())
    talk.hear_words()
    talk.end_turn()
    assert talk.effects(StopTranscribing) == []
    assert len(talk.effects(Transcribe)) == 2


def test_an_answer_is_dropped_if_the_client_is_to_ask_for_it_by_itself_now() -> None:
    talk = Talk()
    talk.pause()
    talk.hear_words()
    by_itself = {"type": "server_vad", "silence_duration_ms": 320, "create_response": False}
    update(audio={"input": {"turn_detection": by_itself}})(talk)
    assert types(talk.end_turn())[-1] == "conversation.item.done"
    assert talk.effects(DropGuess) == [DropGuess(talk.guess.response_id)]


# --- the client acts in the pause -----------------------------------------------------------------


def test_a_response_that_the_client_asks_for_in_the_pause_is_its_own() -> None:
    without, ahead = Talk("off"), Talk()
    for talk in (without, ahead):
        talk.say("Good morning")
        talk.pause()
        talk.hear_words() if talk is ahead else None
        talk.send("response.create")
        talk.answer("Good morning")
        talk.end_turn()
        talk.hear_words()
        talk.answer("Hello")
    assert as_told(ahead.frames) == as_told(without.frames)
    assert ahead.effects(ReleaseGuess) == []
    assert len(ahead.effects(DropGuess)) == 1


@pytest.mark.parametrize("event", ["commit", "clear"])
@pytest.mark.parametrize("words_known", [True, False])
def test_audio_that_the_client_takes_in_the_pause_is_no_turn(event: str, words_known: bool) -> None:
    without, ahead = Talk("off"), Talk()
    for talk in (without, ahead):
        talk.pause()
        talk.hear_words() if words_known else None
        talk.send(f"input_audio_buffer.{event}")
        talk.end_turn()
    assert as_told(ahead.frames) == as_told(without.frames)
    assert ahead.effects(DropGuess) == [
        DropGuess(effect.plan.response_id) for effect in ahead.effects(GuessResponse)
    ]
    assert len(ahead.effects(StopTranscribing)) == (not words_known)
    assert [request.is_guess for request in ahead.effects(Transcribe)] == (
        [True, False] if event == "commit" else [True]
    )


@pytest.mark.parametrize("words_known", [True, False])
def test_switching_detection_off_in_the_pause_drops_everything(words_known: bool) -> None:
    talk = Talk()
    talk.pause()
    talk.hear_words() if words_known else None
    update(audio={"input": {"turn_detection": None}})(talk)
    assert len(talk.effects(DropGuess)) == words_known
    assert len(talk.effects(StopTranscribing)) == (not words_known)
    assert talk.end_turn() == []


def test_a_session_that_expires_in_the_pause_ends_as_any_other() -> None:
    without, ahead = Talk("off"), Talk()
    for talk in (without, ahead):
        talk.pause()
        talk.hear_words()
        talk.tick(24 * 3600)
    assert as_told(ahead.frames) == as_told(without.frames)
    assert isinstance(ahead.log[-1], CloseConnection)


# --- responses that end before they begin ---------------------------------------------------------


def check_dropped_before_the_end(talk: Talk) -> None:
    """Check that the guess was dropped, and that nothing of its response follows its end."""
    response_id = talk.guess.response_id
    *_, dropped, kept = talk.answer_effects()
    assert dropped == DropGuess(response_id)
    assert isinstance(kept, KeepResponse)
    assert kept.response.id == response_id


def test_a_response_beyond_the_rate_limit_fails_and_its_answer_is_dropped() -> None:
    talk = Talk(limits=KeyAccount(Limits(requests_per_minute=1)))
    talk.send("response.create", response={"conversation": "none"})
    talk.answer("Hello")
    talk.pause()
    talk.hear_words()
    created, done, _limits = talk.end_turn()[-3:]
    assert created["response"]["id"] == done["response"]["id"] == talk.guess.response_id
    assert done["response"]["status"] == "failed"
    check_dropped_before_the_end(talk)


def test_rate_limits_count_only_the_answers_that_were_wanted() -> None:
    accounts = []
    for speculation in ("off", "answers"):
        talk = Talk(speculation, limits=KeyAccount(Limits(requests_per_minute=10)))
        for _ in range(3):
            talk.pause()
            talk.hear_words()
        talk.end_turn()
        talk.hear_words()
        accounts.append(talk.answer("Hello")[-1]["rate_limits"])
    assert accounts[0] == accounts[1]


def waiting() -> Talk:
    """A response that has an answer worked out, but waits for the words of an earlier item."""
    talk = Talk()
    talk.send("conversation.item.create", item=recording())
    talk.pause()
    talk.feed(TranscriptFinished("guess_1", "two"))
    assert types(talk.end_turn())[-1] == "response.created"
    return talk


def test_a_response_that_is_interrupted_while_it_waits_drops_its_answer() -> None:
    talk = waiting()
    *_, done = talk.speech(960)
    assert done["response"]["status_details"]["reason"] == "turn_detected"
    check_dropped_before_the_end(talk)
    assert talk.effects(StopResponse) == []


def test_a_response_that_is_cancelled_while_it_waits_drops_its_answer() -> None:
    talk = waiting()
    (done,) = talk.send("response.cancel")
    assert done["response"]["status"] == "cancelled"
    check_dropped_before_the_end(talk)


def test_a_response_that_has_waited_is_worked_out_with_all_the_words() -> None:
    talk = waiting()
    talk.feed(TranscriptFinished("item_1", "one"))
    assert talk.effects(DropGuess) == [DropGuess(talk.guess.response_id)]
    assert [message.text for message in talk.plan.messages] == ["one", "two"]


def test_a_turn_that_turns_out_to_be_silent_drops_its_answer() -> None:
    talk = Talk(transcription=TOLD)
    talk.pause()
    talk.hear_words("Hello there")
    update(audio={"input": {"transcription": None}})(talk)
    talk.end_turn()
    done = talk.hear_words("")[-1]
    assert (done["response"]["status"], done["response"]["output"]) == ("completed", [])
    check_dropped_before_the_end(talk)


def test_a_turn_that_turns_out_to_be_unintelligible_drops_its_answer() -> None:
    talk = Talk(transcription=TOLD)
    talk.pause()
    talk.hear_words()
    update(audio={"input": {"transcription": None}})(talk)
    talk.end_turn()
    assert talk.feed(TranscriptFailed("item_1", FAILURE))[-1]["response"]["status"] == "failed"
    check_dropped_before_the_end(talk)
