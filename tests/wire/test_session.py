import json

import msgspec
import pytest
from msgspec import UNSET
from openai.types.realtime import (
    RealtimeSessionCreateResponse,
    RealtimeTranscriptionSessionCreateResponse,
)

from antiphon.wire.codec import encode
from antiphon.wire.session import (
    RealtimeSessionUpdate,
    RetentionRatio,
    Session,
    SessionPatch,
    TranscriptionSessionUpdate,
)

from .samples import REALTIME_SESSION, TRANSCRIPTION_SESSION


def test_an_effective_session_has_every_key_in_order() -> None:
    shown = json.loads(encode(REALTIME_SESSION))
    assert list(shown) == [
        "type",
        "object",
        "id",
        "model",
        "output_modalities",
        "instructions",
        "tools",
        "tool_choice",
        "max_output_tokens",
        "tracing",
        "truncation",
        "prompt",
        "expires_at",
        "audio",
        "include",
    ]
    assert list(shown["audio"]["input"]) == [
        "format",
        "transcription",
        "noise_reduction",
        "turn_detection",
    ]
    assert list(shown["audio"]["output"]) == ["format", "voice", "speed"]
    assert shown["audio"]["input"]["transcription"] == {
        "model": "whisper-1",
        "language": None,
        "prompt": None,
    }


def test_sessions_survive_the_wire() -> None:
    for session in (REALTIME_SESSION, TRANSCRIPTION_SESSION):
        assert msgspec.json.decode(encode(session), type=Session) == session


def test_the_sdk_takes_sessions_that_come_with_a_secret() -> None:
    RealtimeSessionCreateResponse.model_validate_json(encode(REALTIME_SESSION), strict=True)
    RealtimeTranscriptionSessionCreateResponse.model_validate_json(
        encode(TRANSCRIPTION_SESSION), strict=True
    )


@pytest.mark.parametrize(
    ("frame", "patch"),
    [
        (b'{"type":"realtime"}', RealtimeSessionUpdate()),
        (b'{"type":"transcription"}', TranscriptionSessionUpdate()),
    ],
)
def test_in_an_empty_patch_everything_is_absent(frame, patch) -> None:
    decoded = msgspec.json.decode(frame, type=SessionPatch)
    assert decoded == patch
    assert {getattr(decoded, name) for name in decoded.__struct_fields__} == {UNSET}
    assert encode(decoded) == frame


def test_empty_values_are_not_absent() -> None:
    patch = msgspec.convert({"instructions": "", "tools": []}, RealtimeSessionUpdate)
    assert patch.instructions == ""
    assert patch.tools == ()


@pytest.mark.parametrize("field", ["tracing", "prompt", "include"])
def test_null_switches_a_setting_off(field) -> None:
    assert getattr(msgspec.convert({field: None}, RealtimeSessionUpdate), field) is None


@pytest.mark.parametrize("field", ["model", "instructions", "tools", "audio", "truncation"])
def test_null_is_refused_where_it_means_nothing(field) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({field: None}, RealtimeSessionUpdate)


def test_what_clients_add_of_their_own_is_ignored() -> None:
    frame = b'{"type":"realtime","id":"sess_9","temperature":0.8,"model":"m"}'
    assert msgspec.json.decode(frame, type=SessionPatch) == RealtimeSessionUpdate(model="m")


def test_truncation_by_ratio() -> None:
    fields = {"truncation": {"type": "retention_ratio", "retention_ratio": 0.8}}
    patch = msgspec.convert(fields, RealtimeSessionUpdate)
    assert patch.truncation == RetentionRatio(retention_ratio=0.8)
