"""What a session does beyond one turn; the orders of its frames are in ``tests/conformance``."""

import base64
import json

import pytest

from antiphon.core.clock import Span
from antiphon.core.effects import (
    CloseConnection,
    DropAudio,
    KeepResponse,
    SendEvent,
    StartResponse,
    Transcribe,
    WarmPrompt,
)
from antiphon.core.plan import ChatMessage
from antiphon.core.responses import MAX_RUNNING
from antiphon.core.session import Session, SessionStart
from antiphon.core.signals import ConnectionOver, FrameRefused, TranscriptFinished
from antiphon.core.transcripts import MAX_PENDING
from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.errors import RequestError
from antiphon.wire.audio_config import AudioTranscription, PcmuFormat, ServerVad
from antiphon.wire.client_events import InputAudioBufferAppend
from antiphon.wire.codec import encode
from antiphon.wire.server_events import ConversationCreated, SessionCreated

from .support import ABILITIES, DEFAULT_INSTRUCTIONS, CountingEntropy, Rig, settings, types

VAD = ServerVad(silence_duration_ms=320)


def user_audio(duration_ms: int, **fields: object) -> dict[str, object]:
    audio = base64.b64encode(bytes(48 * duration_ms)).decode()
    part = {"type": "input_audio", "audio": audio, **fields}
    return {"type": "message", "role": "user", "content": [part]}


# --- the beginning --------------------------------------------------------------------------------


@pytest.mark.parametrize("announces", [False, True])
def test_a_session_announces_its_conversation_if_it_is_to(announces: bool) -> None:
    start = SessionStart(
        settings=settings(),
        conversation_id="conv_1",
        abilities=ABILITIES,
        announces_conversation=announces,
    )
    session = Session(start, CountingEntropy(), 0.0)
    events = [effect.event for effect in session.drain() if isinstance(effect, SendEvent)]
    assert isinstance(events[0], SessionCreated)
    ids = [event.conversation.id for event in events[1:] if isinstance(event, ConversationCreated)]
    assert ids == ["conv_1"] * announces
    assert len(events) == 1 + announces


# --- time -----------------------------------------------------------------------------------------


def test_a_session_ends_after_its_time_and_not_before() -> None:
    rig = Rig(lifetime_s=60)
    assert rig.session.deadline() == 60
    assert rig.tick(59.9) == []
    assert types(rig.tick(0.1)) == ["error"]
    assert [effect.code for effect in rig.effects(CloseConnection)] == [1001]
    assert rig.session.deadline() is None


def test_a_session_ends_on_time_even_if_nobody_ticked() -> None:
    rig = Rig()
    rig.now = SESSION_LIFETIME_S + 1
    (error,) = rig.say("Hello")
    assert error["error"]["code"] == "session_expired"


def test_an_ended_session_is_silent() -> None:
    rig = Rig(settings(turn_detection=VAD), lifetime_s=60)
    rig.tick(60)
    assert rig.say("Hello") == []
    assert rig.speech(960) == []
    assert rig.feed(FrameRefused(RequestError("No."))) == []
    assert rig.tick(60) == []


def test_effects_are_drained_once() -> None:
    rig = Rig()
    rig.say("Hello")
    assert rig.session.drain() == []


# --- frames that are no events --------------------------------------------------------------------


def test_a_frame_that_was_refused_before_it_got_here_is_told_of() -> None:
    rig = Rig()
    refusal = RequestError("Too much.", code="invalid_value", param="audio", event_id="mine")
    (frame,) = rig.feed(FrameRefused(refusal))
    assert frame["error"] == {
        "type": "invalid_request_error",
        "code": "invalid_value",
        "message": "Too much.",
        "param": "audio",
        "event_id": "mine",
    }


def test_appended_audio_does_not_come_as_an_event() -> None:
    with pytest.raises(TypeError):
        Rig().session.receive(InputAudioBufferAppend(audio=b""), 0)


# --- input audio ----------------------------------------------------------------------------------


def test_a_turns_audio_is_transcribed_and_then_dropped() -> None:
    rig = Rig(settings(turn_detection=VAD))
    rig.silence(960)
    rig.speech(960)
    rig.silence(320)
    (request,) = rig.effects(Transcribe)
    span = Span((960 - 300) * 16, (960 + 960 + 320) * 16)
    assert request.source == span
    assert rig.log.index(request) < rig.log.index(DropAudio(span.end))


def test_a_cleared_buffer_is_dropped() -> None:
    rig = Rig()
    rig.append(500)
    rig.send("input_audio_buffer.clear")
    assert rig.effects(DropAudio) == [DropAudio(500 * 16)]


def test_long_silence_is_dropped_as_it_goes() -> None:
    rig = Rig(settings(turn_detection=VAD))
    rig.silence(20_000)
    drops = [effect.before for effect in rig.effects(DropAudio)]
    assert drops == sorted(set(drops))
    assert 20_000 * 16 - drops[-1] < 3000 * 16


def test_switching_turn_detection_off_keeps_the_announced_item_for_the_commit() -> None:
    rig = Rig(settings(turn_detection=VAD))
    (started,) = rig.speech(960)
    off = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    rig.send("session.update", session=off)
    assert rig.silence(2000) == []
    committed, *_ = rig.send("input_audio_buffer.commit")
    assert committed["item_id"] == started["item_id"]


def test_an_update_during_speech_does_not_lose_the_turn() -> None:
    rig = Rig(settings(turn_detection=VAD))
    (started,) = rig.speech(960)
    rig.send("session.update", session={"type": "realtime", "instructions": "Rhyme."})
    stopped, *_ = rig.silence(320)
    assert stopped["type"] == "input_audio_buffer.speech_stopped"
    assert stopped["item_id"] == started["item_id"]


def test_create_response_false_leaves_the_answer_to_the_client() -> None:
    rig = Rig(settings(turn_detection=ServerVad(silence_duration_ms=320, create_response=False)))
    rig.speech(320)
    assert types(rig.silence(320))[-1] == "conversation.item.done"
    rig.feed(TranscriptFinished("item_1", "Hello"))
    assert types(rig.send("response.create")) == ["response.created"]
    assert rig.plan.messages == (ChatMessage("user", "Hello"),)


# --- items ----------------------------------------------------------------------------------------


def test_audio_sent_as_an_item_is_transcribed_in_the_sessions_format() -> None:
    rig = Rig(settings(transcription=AudioTranscription(model="any")))
    added, done = rig.send("conversation.item.create", item=user_audio(500))
    assert "audio" not in added["item"]["content"][0]
    assert added["item"] == done["item"]
    (request,) = rig.effects(Transcribe)
    assert request.source == bytes(48 * 500)
    rig.send("response.create")
    assert rig.effects(StartResponse) == []
    rig.feed(TranscriptFinished(added["item"]["id"], "Hello"))
    assert rig.plan.messages == (ChatMessage("user", "Hello"),)


def test_a_g711_session_measures_g711() -> None:
    rig = Rig(settings(input_format=PcmuFormat()))
    rig.send("conversation.item.create", item=user_audio(500))
    rig.feed(TranscriptFinished("item_1", "Hello"))
    rig.send("response.create")
    done = rig.answer("Yes.")[-1]["response"]
    assert done["usage"]["input_token_details"]["audio_tokens"] == 30  # 24 000 bytes are 3 s


def test_audio_that_came_with_its_words_is_not_transcribed() -> None:
    rig = Rig()
    rig.send("conversation.item.create", item=user_audio(500, transcript="Hello"))
    assert rig.effects(Transcribe) == []
    rig.send("response.create")
    assert rig.plan.messages == (ChatMessage("user", "Hello"),)


def test_an_id_is_not_free_while_its_audio_is_listened_to() -> None:
    rig = Rig()
    rig.send("conversation.item.create", item={"id": "one", **user_audio(500)})
    rig.send("conversation.item.delete", item_id="one")
    (error,) = rig.send("conversation.item.create", item={"id": "one", **user_audio(500)})
    assert error["error"]["param"] == "item.id"
    rig.feed(TranscriptFinished("one", "Hello"))
    frames = rig.send("conversation.item.create", item={"id": "one", **user_audio(500)})
    assert types(frames) == ["conversation.item.added", "conversation.item.done"]


def test_a_deleted_turn_is_still_answered_if_the_answer_was_under_way() -> None:
    rig = Rig()
    rig.send("conversation.item.create", item={"id": "one", **user_audio(500)})
    rig.send("response.create")
    rig.send("conversation.item.delete", item_id="one")
    rig.feed(TranscriptFinished("one", "Hello"))
    assert rig.plan.messages == (ChatMessage("user", "Hello"),)


def test_a_deleted_item_is_not_part_of_the_next_context() -> None:
    rig = Rig()
    rig.say("Forget this")
    rig.say("Hello")
    rig.send("conversation.item.delete", item_id="item_1")
    rig.send("response.create")
    assert [message.text for message in rig.plan.messages] == ["Hello"]


# --- what the runtime is told besides -------------------------------------------------------------


def test_a_response_is_kept_as_the_client_saw_it() -> None:
    rig = Rig()
    rig.say("Hello")
    rig.send("response.create")
    done = rig.answer("Hello", " to you")[-1]["response"]
    (kept,) = rig.effects(KeepResponse)
    assert json.loads(encode(kept.response)) == done


def test_what_a_response_brought_along_is_kept_with_it() -> None:
    rig = Rig()
    rig.say("Hello")
    rig.send("response.create", response={"conversation": "none"})
    rig.answer("Hello")
    brought = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Bye"}],
    }
    rig.send("response.create", response={"conversation": "none", "input": [brought]})
    rig.answer("Bye")
    without, with_input = (kept.own_input for kept in rig.effects(KeepResponse))
    assert without is None
    assert with_input is not None
    (message,) = json.loads(encode(with_input))
    assert message["content"] == brought["content"]


def test_when_the_connection_is_over_what_is_open_ends_and_nothing_follows() -> None:
    rig = Rig()
    rig.say("Hello")
    rig.send("response.create")
    rig.send("response.create", response={"conversation": "none"})
    rig.feed(ConnectionOver())
    kept = [effect.response for effect in rig.effects(KeepResponse)]
    assert [response.status for response in kept] == ["cancelled", "cancelled"]
    details = [json.loads(encode(response.status_details)) for response in kept]
    assert details == [{"type": "cancelled", "reason": "client_cancelled"}] * 2
    assert all(response.usage is not None for response in kept)
    assert rig.session.deadline() is None
    rig.say("Is anybody there?")
    rig.feed(ConnectionOver())
    assert rig.session.drain() == []


def test_new_instructions_are_read_ahead() -> None:
    rig = Rig()
    rig.say("Hello")
    rig.send("session.update", session={"type": "realtime", "instructions": "Rhyme."})
    warm = rig.effects(WarmPrompt)[-1]
    assert warm.instructions == "Rhyme."
    assert warm.messages == (ChatMessage("user", "Hello"),)


def test_nothing_is_read_ahead_for_what_the_model_does_not_read() -> None:
    rig = Rig()
    rig.send("session.update", session={"type": "realtime", "output_modalities": ["audio"]})
    assert len(rig.effects(WarmPrompt)) == 1  # that of the beginning


def test_the_instructions_are_read_ahead_as_the_session_begins() -> None:
    (warm,) = Rig().effects(WarmPrompt)
    assert warm.instructions == DEFAULT_INSTRUCTIONS
    assert warm.messages == ()


def test_a_refused_event_leaves_no_trace() -> None:
    rig = Rig(settings(turn_detection=VAD))
    rig.speech(320)
    rig.send("response.create")
    before = rig.state()
    refusals = [
        rig.send("response.create"),
        rig.send("response.cancel", response_id="resp_9"),
        rig.send("session.update", session={"type": "transcription"}),
        rig.send("conversation.item.delete", item_id="nowhere"),
        rig.say("Hello", previous_item_id="nowhere"),
        rig.send("output_audio_buffer.clear"),
    ]
    assert [types(frames) for frames in refusals] == [["error"]] * len(refusals)
    assert rig.state() == before


def test_an_error_names_the_clients_event_or_none() -> None:
    rig = Rig()
    (named,) = rig.send("response.cancel", event_id="mine")
    (unnamed,) = rig.send("response.cancel")
    assert named["error"]["event_id"] == "mine"
    assert unnamed["error"]["event_id"] is None


def test_responses_out_of_band_are_bounded() -> None:
    rig = Rig()
    for _ in range(MAX_RUNNING):
        rig.send("response.create", response={"conversation": "none", "input": []})
    (error,) = rig.send("response.create", response={"conversation": "none", "input": []})
    assert error["error"]["code"] == "too_many_responses"


def test_audio_whose_words_are_not_known_yet_is_bounded() -> None:
    rig = Rig()
    for _ in range(MAX_PENDING):
        rig.append(200)
        rig.send("input_audio_buffer.commit")
    rig.append(200)
    (error,) = rig.send("input_audio_buffer.commit")
    assert error["error"]["code"] == "too_many_transcriptions"
    rig.feed(TranscriptFinished("item_1", "Good morning."))
    assert types(rig.send("input_audio_buffer.commit"))[0] == "input_audio_buffer.committed"
