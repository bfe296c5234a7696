"""Several responses beside each other, as a session has them."""

import pytest

from antiphon.core.effects import StartResponse, StopResponse, Transcribe
from antiphon.core.plan import ChatMessage
from antiphon.core.signals import (
    Failure,
    Signal,
    TextGenerated,
    TranscriptFailed,
    TranscriptFinished,
)

from .support import Rig, called, settings, spoken, types, written

FAILURE = Failure("transcribe", "audio_unintelligible", "Nothing to be understood.")


def turn(rig: Rig) -> str:
    """Commit a second of audio by hand and return the id of its item."""
    rig.append(1000)
    committed, *_ = rig.send("input_audio_buffer.commit")
    item_id: str = committed["item_id"]
    return item_id


def started(rig: Rig) -> list[str]:
    return [effect.plan.response_id for effect in rig.effects(StartResponse)]


def test_a_response_starts_at_once_if_all_words_are_known() -> None:
    rig = Rig()
    rig.say("Hello")
    rig.send("response.create")
    assert rig.plan.messages == (ChatMessage("user", "Hello"),)


def test_a_response_waits_for_the_words_of_every_turn_in_its_context() -> None:
    rig = Rig()
    first, second = turn(rig), turn(rig)
    rig.send("response.create")
    rig.feed(TranscriptFinished(second, "two"))
    assert started(rig) == []
    rig.feed(TranscriptFinished(first, "one"))
    assert [message.text for message in rig.plan.messages] == ["one", "two"]


def test_what_is_said_after_a_response_was_created_is_not_part_of_its_context() -> None:
    rig = Rig()
    first = turn(rig)
    rig.send("response.create")
    rig.say("And another thing")
    rig.feed(TranscriptFinished(first, "one"))
    assert [message.text for message in rig.plan.messages] == ["one"]


def test_a_response_goes_on_without_an_earlier_turn_that_could_not_be_understood() -> None:
    rig = Rig()
    first, second = turn(rig), turn(rig)
    rig.send("response.create")
    rig.feed(TranscriptFailed(first, FAILURE), TranscriptFinished(second, "two"))
    assert [message.text for message in rig.plan.messages] == ["two"]


@pytest.mark.parametrize("failed_first", [True, False])
def test_a_response_fails_with_the_turn_that_it_was_to_answer(failed_first: bool) -> None:
    rig = Rig()
    first, second = turn(rig), turn(rig)
    rig.send("response.create")
    signals: list[Signal] = [
        TranscriptFailed(second, FAILURE),
        TranscriptFinished(first, "one"),
    ]
    done = rig.feed(*(signals if failed_first else signals[::-1]))[-1]
    assert done["type"] == "response.done"
    assert done["response"]["status_details"]["error"]["code"] == FAILURE.code
    assert started(rig) == []


def test_a_turn_that_could_not_be_understood_cannot_be_answered_later_either() -> None:
    rig = Rig()
    rig.feed(TranscriptFailed(turn(rig), FAILURE))
    created, done = rig.send("response.create")
    assert created["type"] == "response.created"
    assert done["response"]["status"] == "failed"


def test_several_responses_may_wait_for_the_same_words() -> None:
    rig = Rig()
    item_id = turn(rig)
    rig.send("response.create")
    rig.send("response.create", response={"conversation": "none"})
    rig.feed(TranscriptFinished(item_id, "one"))
    assert started(rig) == ["resp_1", "resp_2"]


def test_a_response_that_waits_is_cancelled_without_having_been_started() -> None:
    rig = Rig()
    item_id = turn(rig)
    rig.send("response.create")
    (done,) = rig.send("response.cancel")
    assert done["response"]["status"] == "cancelled"
    assert rig.feed(TranscriptFinished(item_id, "one")) == []
    assert started(rig) == []
    assert rig.effects(StopResponse) == []


def test_a_response_in_work_is_stopped_before_its_end_is_told() -> None:
    rig = Rig()
    rig.send("response.create")
    rig.begin("Once")
    rig.send("response.cancel")
    stopped = rig.log.index(StopResponse("resp_1"))
    assert stopped < rig.log.index(rig.frames[-1])


def test_a_finished_response_is_not_stopped() -> None:
    rig = Rig()
    rig.send("response.create")
    rig.answer("Yes.")
    assert rig.effects(StopResponse) == []


@pytest.mark.parametrize("ending", ["answered", "cancelled"])
def test_signals_for_a_response_that_has_ended_are_dropped_and_counted(ending: str) -> None:
    rig = Rig()
    rig.send("response.create")
    rig.begin("Once")
    rig.send("response.cancel") if ending == "cancelled" else rig.answer(" upon")
    late = [*written("resp_1", "late"), *called("resp_1", "look_up", "{}")]
    assert rig.feed(*late) == []
    assert rig.session.dropped_signals == len(late)


def test_signals_for_a_response_that_never_was_are_dropped_and_counted() -> None:
    rig = Rig()
    assert rig.feed(TextGenerated("resp_9", "Hi", 1)) == []
    assert rig.session.dropped_signals == 1


def test_a_new_response_does_not_hear_of_the_one_before() -> None:
    rig = Rig()
    rig.send("response.create")
    rig.begin("Once")
    rig.send("response.cancel")
    rig.send("response.create")
    rig.feed(TextGenerated("resp_1", " upon a time", 1))
    frames = rig.answer("Yes.")
    assert frames[-1]["response"]["output"][0]["content"] == [
        {"type": "output_text", "text": "Yes."}
    ]


def test_out_of_band_speech_does_not_fix_the_voice() -> None:
    rig = Rig(settings(modality="audio"))
    rig.send("response.create", response={"conversation": "none"})
    rig.answer("Hello")
    voice = {"type": "realtime", "audio": {"output": {"voice": "marin"}}}
    assert types(rig.send("session.update", session=voice)) == ["session.updated"]
    rig.send("response.create")
    rig.feed(*spoken(rig.plan.response_id, "Hello"))
    other = {"type": "realtime", "audio": {"output": {"voice": "alloy"}}}
    assert types(rig.send("session.update", session=other)) == ["error"]


def test_audio_of_a_refused_input_is_not_transcribed() -> None:
    rig = Rig()
    audio = {"type": "input_audio", "audio": "AAAA" * 16}
    message = {"type": "message", "role": "user", "content": [audio]}
    (error,) = rig.send(
        "response.create", response={"input": [message, {"type": "item_reference", "id": "no"}]}
    )
    assert error["error"]["param"] == "response.input[1].id"
    assert rig.effects(Transcribe) == []


def test_an_output_in_the_input_may_answer_a_call_of_the_conversation() -> None:
    rig = Rig()
    rig.send("response.create")
    rig.feed(*called("resp_1", "look_up", "{}"))
    output = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
    reference = {"type": "item_reference", "id": "item_1"}
    rig.send("response.create", response={"conversation": "none", "input": [reference, output]})
    assert [message.role for message in rig.plan.messages] == ["assistant", "tool"]
