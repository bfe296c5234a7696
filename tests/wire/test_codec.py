import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from antiphon.errors import RequestError
from antiphon.wire.client_events import (
    ConversationItemCreate,
    InputAudioBufferAppend,
    ResponseCreate,
    SessionUpdate,
)
from antiphon.wire.codec import decode_as, decode_client_event, encode
from antiphon.wire.response import RealtimeResponse

from .test_client_events import FRAMES

keys = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["type", "event_id", "session", "item", "audio", "response", "content", "tools", "input"]
    ),
)
words = st.one_of(
    st.text(max_size=8), st.sampled_from([*FRAMES, "realtime", "message", "function", "mcp"])
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), words),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=6)),
    max_leaves=20,
)


@st.composite
def damaged_events(draw: st.DrawFn) -> dict[str, Any]:
    """An event whose fields have been replaced at random, at any depth."""
    name = draw(st.sampled_from(sorted(FRAMES)))
    event = {"type": name, **json.loads(json.dumps(FRAMES[name]))}
    place: Any = event
    while isinstance(place, dict) and place:
        key = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or draw(st.booleans()):
            place[key] = draw(values)
            break
        place = place[key]
    return event


def refusal_of(frame: str | bytes, decode: Callable[[str | bytes], object]) -> RequestError | None:
    try:
        decode(frame)
    except RequestError as error:
        return error
    return None


def decoded_or_refused(frame: str | bytes) -> None:
    refusal = refusal_of(frame, decode_client_event)
    if refusal is not None:
        assert refusal.message
        assert refusal.code
        assert "$" not in (refusal.param or "")


@given(st.one_of(st.binary(max_size=64), st.text(max_size=64)))
@example(b"\xff\xfe")
@example("\ud800")
@example(b'{"type":"input_audio_buffer.append","audio":"\xff"}')
@example(b"[" * 100_000)
@example(b'{"type":"response.create","response":' + b"[" * 100_000)
@example(b'{"type":"session.update","session":{"type":"realtime","max_output_tokens":1e999}}')
@example(
    b'{"type":"session.update","session":{"type":"realtime","max_output_tokens":9' + b"9" * 5000
)
def test_any_frame_is_decoded_or_refused(frame: str | bytes) -> None:
    decoded_or_refused(frame)


@given(values)
def test_any_json_is_decoded_or_refused(value: object) -> None:
    decoded_or_refused(json.dumps(value))


@given(damaged_events())
def test_any_damaged_event_is_decoded_or_refused(event: dict[str, Any]) -> None:
    decoded_or_refused(json.dumps(event))


@given(st.one_of(st.binary(max_size=64), values.map(json.dumps)))
def test_a_body_that_is_no_response_is_refused(body: str | bytes) -> None:
    refusal = refusal_of(body, lambda text: decode_as(text, RealtimeResponse))
    assert refusal is not None
    assert refusal.message


@given(st.binary(max_size=4096), st.one_of(st.none(), st.text(max_size=512)))
def test_appended_audio_survives_the_wire(audio: bytes, event_id: str | None) -> None:
    event = InputAudioBufferAppend(event_id=event_id, audio=audio)
    assert decode_client_event(encode(event)) == event
    assert decode_client_event(encode(event).decode()) == event


@pytest.mark.parametrize(
    ("frame", "code", "param"),
    [
        ("", "invalid_event", None),
        ("hello", "invalid_event", None),
        ('{"type":"response.create"', "invalid_event", None),
        ('{"type":"response.create"} {}', "invalid_event", None),
        ("[]", "invalid_event", None),
        ('"response.create"', "invalid_event", None),
        ("null", "invalid_event", None),
        ("{}", "invalid_event", "type"),
        ('{"event_id":"e"}', "invalid_event", "type"),
        ('{"type":null}', "invalid_type", "type"),
        ('{"type":"conversation.create"}', "invalid_value", "type"),
    ],
)
def test_what_is_not_an_event(frame, code, param) -> None:
    with pytest.raises(RequestError) as caught:
        decode_client_event(frame)
    assert (caught.value.code, caught.value.param) == (code, param)


def test_a_missing_type_reads_as_on_the_hosted_service() -> None:
    with pytest.raises(RequestError, match=r"^The 'type' field is missing\.$"):
        decode_client_event("{}")


def test_an_unknown_event_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        RequestError, match=r"Invalid value: 'x'\. Supported values are: "
    ) as caught:
        decode_client_event('{"type":"x"}')
    assert all(f"'{name}'" in caught.value.message for name in FRAMES)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "x"},
        {"type": 5},
        {},
        {"type": "session.update"},
        {"type": "input_audio_buffer.append", "audio": "?"},
    ],
)
def test_a_refusal_carries_the_clients_own_id(event) -> None:
    with pytest.raises(RequestError) as caught:
        decode_client_event(json.dumps({**event, "event_id": "mine"}))
    assert caught.value.event_id == "mine"


@pytest.mark.parametrize("event_id", [5, None, "x" * 513])
def test_an_unusable_id_is_not_carried(event_id) -> None:
    with pytest.raises(RequestError) as caught:
        decode_client_event(json.dumps({"type": "x", "event_id": event_id}))
    assert caught.value.event_id is None


def test_unknown_fields_are_ignored() -> None:
    event = decode_client_event('{"type":"response.create","mood":"good","response":{"top_p":1}}')
    assert isinstance(event, ResponseCreate)


def test_text_and_bytes_are_the_same_frame() -> None:
    frame = '{"type":"session.update","session":{"type":"realtime","instructions":"Grüß Gott"}}'
    event = decode_client_event(frame)
    assert event == decode_client_event(frame.encode())
    assert isinstance(event, SessionUpdate)


def test_an_item_may_go_to_the_front() -> None:
    event = decode_client_event(
        '{"type":"conversation.item.create","previous_item_id":"root",'
        '"item":{"type":"message","role":"system","content":[{"type":"input_text","text":"a"}]}}'
    )
    assert isinstance(event, ConversationItemCreate)
    assert event.previous_item_id == "root"
