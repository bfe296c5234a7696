import json
from typing import get_args

import msgspec
import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from antiphon.wire.codec import encode
from antiphon.wire.server_events import (
    ConversationItemAdded,
    ConversationItemRetrieved,
    InputAudioBufferDtmfEventReceived,
    ServerEvent,
)

from .samples import SERVER_EVENTS, USER_SPEECH

SDK = TypeAdapter(RealtimeServerEvent)


def named(event: ServerEvent) -> str:
    return str(event.__struct_config__.tag)


def test_there_is_a_sample_of_every_event() -> None:
    assert {type(event) for event in SERVER_EVENTS} == set(get_args(ServerEvent))
    assert len(get_args(ServerEvent)) == 46


@pytest.mark.parametrize("event", SERVER_EVENTS, ids=named)
def test_the_sdk_takes_every_event_in_strict_mode(event: ServerEvent) -> None:
    model = SDK.validate_json(encode(event), strict=True)
    assert model.type == named(event)
    assert json.loads(model.model_dump_json(exclude_unset=True)) == json.loads(encode(event))


@pytest.mark.parametrize("event", SERVER_EVENTS, ids=named)
def test_events_survive_the_wire(event: ServerEvent) -> None:
    assert msgspec.json.decode(encode(event), type=ServerEvent) == event


@pytest.mark.parametrize("event", SERVER_EVENTS, ids=named)
def test_keys_begin_with_type_and_event_id(event: ServerEvent) -> None:
    keys = list(json.loads(encode(event)))
    if isinstance(event, InputAudioBufferDtmfEventReceived):
        assert keys == ["type", "event", "received_at"]
    else:
        assert keys[:2] == ["type", "event_id"]
    if "obfuscation" in keys:
        assert keys[-1] == "obfuscation"


@pytest.mark.parametrize("event", SERVER_EVENTS, ids=named)
def test_class_names_follow_from_the_wire_names(event: ServerEvent) -> None:
    words = named(event).replace(".", "_").split("_")
    expected = "".join(word.capitalize() for word in words)
    assert type(event).__name__ == ("ErrorEvent" if expected == "Error" else expected)


def test_the_first_item_has_a_null_predecessor_rather_than_none() -> None:
    event = ConversationItemAdded(event_id="event_1", previous_item_id=None, item=USER_SPEECH)
    assert json.loads(encode(event))["previous_item_id"] is None


def test_events_do_not_change_once_made() -> None:
    event = ConversationItemRetrieved(event_id="event_1", item=USER_SPEECH)
    with pytest.raises(AttributeError):
        event.event_id = "event_2"  # type: ignore[misc]
