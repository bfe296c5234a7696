import copy

import pytest

from antiphon.errors import RequestError
from antiphon.wire.beta import beta_event, current_event

MESSAGE = {
    "type": "message",
    "id": "item_1",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Hello."}],
}
REALTIME = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_1",
    "model": "antiphon",
    "output_modalities": ["text"],
    "instructions": "Be kind.",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": 7,
    "truncation": "auto",
    "expires_at": 1,
    "audio": {
        "input": {
            "format": {"type": "audio/pcmu"},
            "transcription": None,
            "turn_detection": None,
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alto", "speed": 1.0},
    },
}
TRANSCRIPTION = {
    "type": "transcription",
    "object": "realtime.transcription_session",
    "id": "sess_1",
    "expires_at": 1,
    "audio": {"input": {"format": {"type": "audio/pcma"}, "turn_detection": None}},
}
RESPONSE = {
    "object": "realtime.response",
    "id": "resp_1",
    "status": "failed",
    "status_details": {"type": "failed"},
    "output": [MESSAGE],
    "conversation_id": "conv_1",
    "output_modalities": ["audio"],
    "max_output_tokens": "inf",
    "audio": {"output": {"format": {"type": "audio/pcma"}, "voice": "alto"}},
    "usage": {"total_tokens": 3},
    "metadata": {"topic": "greeting"},
}


# --- from the client ------------------------------------------------------------------------------


def test_a_flat_update_becomes_a_nested_one():
    flat = {
        "modalities": ["text", "audio"],
        "instructions": "Be kind.",
        "voice": "alto",
        "speed": 1.2,
        "output_audio_format": "g711_ulaw",
        "turn_detection": None,
        "max_response_output_tokens": "inf",
        "temperature": 0.6,
    }
    event = {"type": "session.update", "event_id": "mine", "session": flat}
    assert current_event(event) == {
        "type": "session.update",
        "event_id": "mine",
        "session": {
            "type": "realtime",
            "output_modalities": ["audio"],
            "instructions": "Be kind.",
            "max_output_tokens": "inf",
            "audio": {
                "input": {"turn_detection": None},
                "output": {"voice": "alto", "speed": 1.2, "format": {"type": "audio/pcmu"}},
            },
        },
    }


def test_an_update_of_a_transcription_session_says_so_in_its_session():
    event = {
        "type": "transcription_session.update",
        "session": {"input_audio_format": "g711_alaw", "include": None},
    }
    assert current_event(event) == {
        "type": "session.update",
        "session": {
            "type": "transcription",
            "audio": {"input": {"format": {"type": "audio/pcma"}}},
            "include": None,
        },
    }


@pytest.mark.parametrize("limit", ["max_output_tokens", "max_response_output_tokens"])
def test_a_response_may_be_limited_under_both_of_the_old_names(limit):
    event = {"type": "response.create", "response": {limit: 50, "temperature": 1}}
    assert current_event(event) == {
        "type": "response.create",
        "response": {"max_output_tokens": 50},
    }


def test_what_only_a_response_has_is_kept():
    response = {"conversation": "none", "input": [], "metadata": {"a": "b"}, "instructions": "No."}
    event = {"type": "response.create", "response": response}
    assert current_event(event) == event


@pytest.mark.parametrize(
    ("event", "param"),
    [
        (
            {"type": "session.update", "session": {"input_audio_format": "mp3"}},
            "session.input_audio_format",
        ),
        (
            {"type": "response.create", "response": {"output_audio_format": "mp3"}},
            "response.output_audio_format",
        ),
    ],
)
def test_an_unknown_format_is_refused_with_the_old_names(event, param):
    with pytest.raises(
        RequestError, match=r"'mp3'.*'pcm16', 'g711_ulaw', and 'g711_alaw'"
    ) as error:
        current_event(event)
    assert (error.value.code, error.value.param) == ("invalid_value", param)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
        {"type": "conversation.item.create", "item": MESSAGE},
        {"type": "response.create"},
        {"type": "response.create", "response": None},
        {"type": "session.update", "session": "flat"},
        {"type": ["no", "name"]},
        {},
    ],
)
def test_all_else_passes_as_it_is(event):
    assert current_event(event) is event


# --- to the client --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("current", "beta"),
    [
        ("response.output_text.delta", "response.text.delta"),
        ("response.output_text.done", "response.text.done"),
        ("response.output_audio.delta", "response.audio.delta"),
        ("response.output_audio.done", "response.audio.done"),
        ("response.output_audio_transcript.delta", "response.audio_transcript.delta"),
        ("response.output_audio_transcript.done", "response.audio_transcript.done"),
        ("response.function_call_arguments.done", "response.function_call_arguments.done"),
        ("input_audio_buffer.speech_started", "input_audio_buffer.speech_started"),
    ],
)
def test_events_have_their_old_names(current, beta):
    event = {"type": current, "event_id": "event_1", "delta": "Hel"}
    assert beta_event(event) == {"type": beta, "event_id": "event_1", "delta": "Hel"}


def test_an_item_is_told_of_once():
    fields = {"event_id": "event_1", "previous_item_id": None, "item": MESSAGE}
    assert beta_event({"type": "conversation.item.done", **fields}) is None
    assert beta_event({"type": "conversation.item.added", **fields}) == {
        "type": "conversation.item.created",
        "event_id": "event_1",
        "previous_item_id": None,
        "item": {
            **MESSAGE,
            "object": "realtime.item",
            "content": [{"type": "text", "text": "Hello."}],
        },
    }


@pytest.mark.parametrize(
    ("current", "beta"),
    [
        ("output_text", "text"),
        ("output_audio", "audio"),
        ("input_text", "input_text"),
        ("input_audio", "input_audio"),
    ],
)
def test_parts_have_their_old_names(current, beta):
    item = {**MESSAGE, "content": [{"type": current, "transcript": "Hello."}]}
    event = beta_event({"type": "response.output_item.done", "event_id": "event_1", "item": item})
    assert event is not None
    assert event["item"]["content"] == [{"type": beta, "transcript": "Hello."}]


def test_a_session_is_flat():
    event = beta_event({"type": "session.created", "event_id": "event_1", "session": REALTIME})
    assert event == {
        "type": "session.created",
        "event_id": "event_1",
        "session": {
            "id": "sess_1",
            "object": "realtime.session",
            "model": "antiphon",
            "modalities": ["text"],
            "instructions": "Be kind.",
            "voice": "alto",
            "input_audio_format": "g711_ulaw",
            "output_audio_format": "pcm16",
            "input_audio_transcription": None,
            "turn_detection": None,
            "speed": 1.0,
            "tools": [],
            "tool_choice": "auto",
            "max_response_output_tokens": 7,
            "expires_at": 1,
            "temperature": 0.8,
        },
    }


@pytest.mark.parametrize("what", ["created", "updated"])
def test_a_transcription_session_has_events_of_its_own(what):
    fields = {"event_id": "event_1", "session": TRANSCRIPTION}
    assert beta_event({"type": f"session.{what}", **fields}) == {
        "type": f"transcription_session.{what}",
        "event_id": "event_1",
        "session": {
            "id": "sess_1",
            "object": "realtime.transcription_session",
            "input_audio_format": "g711_alaw",
            "turn_detection": None,
            "expires_at": 1,
        },
    }


def test_a_response_is_flat():
    event = beta_event({"type": "response.done", "event_id": "event_1", "response": RESPONSE})
    assert event is not None
    response = event["response"]
    (item,) = response.pop("output")
    assert response == {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "failed",
        "status_details": {"type": "failed"},
        "conversation_id": "conv_1",
        "modalities": ["audio", "text"],
        "voice": "alto",
        "output_audio_format": "g711_alaw",
        "temperature": 0.8,
        "max_output_tokens": "inf",
        "usage": {"total_tokens": 3},
        "metadata": {"topic": "greeting"},
    }
    assert item["content"] == [{"type": "text", "text": "Hello."}]


@pytest.mark.parametrize(
    ("current", "beta"),
    [
        ("session.audio.input.turn_detection.threshold", "session.turn_detection.threshold"),
        ("session.output_modalities[0]", "session.modalities[0]"),
        ("response.audio.output.voice", "response.voice"),
        ("session.tools[0].name", "session.tools[0].name"),
        ("session", "session"),
        ("item.content[0].type", "item.content[0].type"),
    ],
)
def test_errors_name_the_field_as_the_client_did(current, beta):
    error = {"type": "invalid_request_error", "message": f"Invalid '{current}'.", "param": current}
    event = beta_event({"type": "error", "event_id": "event_1", "error": error})
    assert event is not None
    assert event["error"] == {**error, "message": f"Invalid '{beta}'.", "param": beta}


def test_an_error_about_no_field_stays_as_it_is():
    error = {"type": "invalid_request_error", "message": "No.", "param": None}
    event = {"type": "error", "event_id": "event_1", "error": error}
    assert beta_event(event) == event


@pytest.mark.parametrize(
    "event",
    [
        {"type": "session.created", "session": REALTIME},
        {"type": "response.done", "response": RESPONSE},
        {"type": "conversation.item.added", "item": MESSAGE},
    ],
)
def test_what_is_translated_stays_as_it_was(event):
    before = copy.deepcopy(event)
    beta_event(event)
    assert event == before
