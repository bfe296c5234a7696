"""A conversation that is full takes nothing more, and the session goes on."""

from __future__ import annotations

import pytest

from antiphon.core.conversation import MAX_CLIENT_BYTES
from antiphon.core.created_items import size_bytes_of
from antiphon.core.effects import DropAudio, StartResponse
from antiphon.wire.codec import decode_as
from antiphon.wire.items import Item
from tests.core.support import Rig, settings, types
from tests.core.test_session import VAD

FULL = "too_many_items"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("antiphon.core.conversation.MAX_ITEMS", 1)


def first_item(rig: Rig) -> str:
    added = next(one for one in rig.frames if one["type"] == "conversation.item.added")
    return str(added["item"]["id"])


def test_a_client_is_told_that_its_item_has_no_room():
    rig = Rig()
    rig.say("Hello")
    (refusal,) = rig.say("Hello again")
    assert refusal["error"]["code"] == FULL
    (deleted,) = rig.send("conversation.item.delete", item_id=first_item(rig))
    assert deleted["type"] == "conversation.item.deleted"
    assert "conversation.item.added" in types(rig.say("Now then"))


def test_audio_that_is_committed_by_hand_stays_in_the_buffer_until_there_is_room():
    rig = Rig(settings(turn_detection=None))
    rig.say("Hello")
    rig.append(200)
    (refusal,) = rig.send("input_audio_buffer.commit")
    assert refusal["error"]["code"] == FULL
    rig.send("conversation.item.delete", item_id=first_item(rig))
    assert "input_audio_buffer.committed" in types(rig.send("input_audio_buffer.commit"))


def test_a_turn_without_room_is_dropped_and_answered_by_nothing_but_the_reason():
    rig = Rig(settings(turn_detection=VAD))
    rig.say("Hello")
    rig.speech(640)
    frames = rig.silence(960)
    assert types(frames) == ["input_audio_buffer.speech_stopped", "error"]
    assert frames[1]["error"]["code"] == FULL
    assert rig.effects(StartResponse) == []
    assert rig.effects(DropAudio)
    rig.send("conversation.item.delete", item_id=first_item(rig))
    rig.speech(640)
    assert "input_audio_buffer.committed" in types(rig.silence(960))


def test_texts_and_images_of_items_count_and_what_was_said_does_not():
    items = {
        '{"type":"message","role":"user","content":[{"type":"input_text","text":"four"}]}': 4,
        '{"type":"message","role":"user","content":[{"type":"input_image","image_url":"x"}]}': 1,
        '{"type":"message","role":"user","content":[{"type":"input_audio","audio":"AAAA"}]}': 0,
        '{"type":"message","role":"assistant","content":[{"type":"output_text","text":"ab"}]}': 2,
        '{"type":"function_call","name":"f","arguments":"{}"}': 2,
        '{"type":"function_call_output","call_id":"c","output":"done"}': 4,
    }
    assert {text: size_bytes_of(decode_as(text, Item)) for text in items} == items  # type: ignore[arg-type]


def test_a_client_that_puts_in_too_much_is_told_so(monkeypatch):
    monkeypatch.setattr("antiphon.core.conversation.MAX_CLIENT_BYTES", 3)
    assert MAX_CLIENT_BYTES > 3
    rig = Rig()
    (refusal,) = rig.say("Hello")
    assert (refusal["error"]["code"], refusal["error"]["param"]) == (
        "conversation_too_large",
        "item",
    )


def test_audio_whose_words_are_not_known_yet_is_bounded_by_its_length_as_well(monkeypatch):
    monkeypatch.setattr("antiphon.core.conversation.MAX_ITEMS", 99)
    monkeypatch.setattr("antiphon.core.transcripts.MAX_PENDING_S", 1.0)
    rig = Rig(settings(turn_detection=None))
    for _ in range(2):
        rig.append(600)
        assert "input_audio_buffer.committed" in types(rig.send("input_audio_buffer.commit"))
    rig.append(600)
    (refusal,) = rig.send("input_audio_buffer.commit")
    assert refusal["error"]["code"] == "too_many_transcriptions"
    assert "2 audio items, 1 s in all" in refusal["error"]["message"]
