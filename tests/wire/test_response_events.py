import json

import msgspec
import pytest

from antiphon.wire.codec import encode
from antiphon.wire.response_events import (
    ResponseContentPartAdded,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputAudioDelta,
    ResponseOutputTextDelta,
)

from .samples import IN_ITEM, IN_PART

PART_KEYS = ["type", "event_id", "response_id", "item_id", "output_index", "content_index"]


def test_audio_travels_as_base64() -> None:
    event = ResponseOutputAudioDelta(**IN_PART, delta=b"\x00\x01\xff\x7f")
    assert json.loads(encode(event))["delta"] == "AAH/fw=="


@pytest.mark.parametrize(
    ("event", "last_keys"),
    [
        (ResponseOutputTextDelta(**IN_PART, delta="a"), ["delta"]),
        (
            ResponseOutputTextDelta(**IN_PART, delta="a", obfuscation="b"),
            ["delta", "obfuscation"],
        ),
        (ResponseOutputAudioDelta(**IN_PART, delta=b""), ["delta"]),
    ],
)
def test_keys_of_a_delta_in_order(event, last_keys) -> None:
    assert list(json.loads(encode(event))) == PART_KEYS + last_keys


def test_a_finished_call_names_its_function() -> None:
    event = ResponseFunctionCallArgumentsDone(
        **IN_ITEM, call_id="call_1", name="look_up", arguments="{}"
    )
    assert list(json.loads(encode(event))) == [*PART_KEYS[:-1], "call_id", "name", "arguments"]


def test_parts_have_names_of_their_own() -> None:
    fields = {**IN_PART, "part": {"type": "output_text", "text": ""}}
    with pytest.raises(msgspec.ValidationError, match="output_text"):
        msgspec.convert(fields, ResponseContentPartAdded)
