from typing import Any, get_args

import msgspec
import pytest
from msgspec import UNSET

from antiphon.wire.client_events import (
    MAX_APPEND_BYTES,
    ClientEvent,
    ConversationItemCreate,
    InputAudioBufferAppend,
)
from antiphon.wire.items import ItemReference

FRAMES: dict[str, dict[str, Any]] = {
    "session.update": {"session": {"type": "realtime"}},
    "input_audio_buffer.append": {"audio": "AAE="},
    "input_audio_buffer.commit": {},
    "input_audio_buffer.clear": {},
    "output_audio_buffer.clear": {},
    "conversation.item.create": {
        "item": {"type": "message", "role": "user", "content": []},
        "previous_item_id": "",
    },
    "conversation.item.retrieve": {"item_id": "item_1"},
    "conversation.item.delete": {"item_id": "item_1"},
    "conversation.item.truncate": {"item_id": "item_1", "content_index": 0, "audio_end_ms": 0},
    "response.create": {},
    "response.cancel": {},
}


def decode(fields: dict[str, Any]) -> ClientEvent:
    event: ClientEvent = msgspec.convert(fields, ClientEvent)
    return event


def test_the_table_above_is_complete() -> None:
    tags = {kind.__struct_config__.tag for kind in get_args(ClientEvent)}
    assert set(FRAMES) == tags
    assert len(tags) == 11


@pytest.mark.parametrize("name", FRAMES)
def test_an_event_with_its_required_fields_only(name) -> None:
    event = decode({"type": name, **FRAMES[name]})
    assert event.__struct_config__.tag == name
    assert event.event_id is UNSET


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, fields in FRAMES.items() for field in fields]
)
def test_an_event_without_a_required_field_is_refused(name, field) -> None:
    fields = {"type": name, **FRAMES[name]}
    del fields[field]
    if field == "previous_item_id":
        assert isinstance(decode(fields), ConversationItemCreate)
    else:
        with pytest.raises(msgspec.ValidationError, match=f"required field `{field}`"):
            decode(fields)


@pytest.mark.parametrize("event_id", ["a" * 512, None])
def test_clients_may_number_their_events(event_id) -> None:
    event = decode({"type": "response.cancel", "event_id": event_id})
    assert event.event_id == event_id


def test_audio_arrives_decoded() -> None:
    event = decode({"type": "input_audio_buffer.append", "audio": "AAH/fw=="})
    assert event == InputAudioBufferAppend(audio=b"\x00\x01\xff\x7f")


def test_the_limit_of_an_append_is_judged_on_the_audio() -> None:
    fits, too_long = bytes(MAX_APPEND_BYTES), bytes(MAX_APPEND_BYTES + 1)
    for audio, expected in ((fits, True), (too_long, False)):
        frame = msgspec.json.encode(InputAudioBufferAppend(audio=audio))
        try:
            msgspec.json.decode(frame, type=ClientEvent)
            accepted = True
        except msgspec.ValidationError:
            accepted = False
        assert accepted is expected


def test_items_can_be_referred_to_in_a_response_only() -> None:
    reference = {"type": "item_reference", "id": "item_1"}
    event = decode({"type": "response.create", "response": {"input": [reference]}})
    assert event.response.input == (ItemReference(id="item_1"),)  # type: ignore[union-attr]
    with pytest.raises(msgspec.ValidationError):
        decode({"type": "conversation.item.create", "item": reference})
