import json

import pytest
from msgspec import to_builtins
from openai.types.beta.realtime import Session

from antiphon.errors import RequestError
from antiphon.wire.beta_session import flat_path, from_beta, to_beta
from antiphon.wire.codec import encode

from .samples import REALTIME_SESSION, TRANSCRIPTION_SESSION


def test_a_flat_session_becomes_a_nested_one():
    flat = {
        "modalities": ["text", "audio"],
        "voice": "verse",
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "pcm16",
        "input_audio_transcription": None,
        "turn_detection": {"threshold": 0.7},
        "max_response_output_tokens": "inf",
        "tool_choice": "none",
    }
    assert from_beta(flat) == {
        "output_modalities": ["audio"],
        "audio": {
            "output": {"voice": "verse", "format": {"type": "audio/pcm", "rate": 24000}},
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": None,
                "turn_detection": {"type": "server_vad", "threshold": 0.7},
            },
        },
        "max_output_tokens": "inf",
        "tool_choice": "none",
    }


@pytest.mark.parametrize(
    ("beta", "today"),
    [
        (["text"], ["text"]),
        (["audio"], ["audio"]),
        (["audio", "text"], ["audio"]),
        (["text", "text"], ["text", "text"]),  # the types of today refuse it
        ("text", "text"),
    ],
)
def test_speech_used_to_be_two_modalities(beta, today):
    assert from_beta({"modalities": beta}) == {"output_modalities": today}


def test_what_has_no_counterpart_is_left_out():
    assert from_beta({"temperature": 0.8, "client_secret": {}, "nonsense": 1}) == {}


def test_nothing_is_added():
    assert from_beta({}) == {}


def test_a_format_of_today_is_refused_with_those_of_the_beta():
    with pytest.raises(RequestError) as refusal:
        from_beta({"output_audio_format": "audio/pcm"})
    assert refusal.value.param == "output_audio_format"
    assert refusal.value.message == (
        "Invalid value: 'audio/pcm'. Supported values are: 'pcm16', 'g711_ulaw', and 'g711_alaw'."
    )


@pytest.mark.parametrize("value", [None, 1, [], {"type": "audio/pcm"}])
def test_a_format_of_another_type_is_left_to_the_types_of_today(value):
    assert from_beta({"input_audio_format": value}) == {"audio": {"input": {"format": value}}}


def test_a_session_becomes_flat():
    flat = to_beta(to_builtins(REALTIME_SESSION))
    Session.model_validate({**flat, "model": "gpt-realtime", "tools": []}, strict=True)
    assert flat["object"] == "realtime.session"
    assert flat["modalities"] in (["audio", "text"], ["text"])
    assert flat["input_audio_format"] == "pcm16"
    assert not {"type", "audio", "output_modalities", "max_output_tokens"} & set(flat)


def test_a_transcription_session_has_no_voice():
    flat = to_beta(to_builtins(TRANSCRIPTION_SESSION))
    assert flat["object"] == "realtime.transcription_session"
    assert "input_audio_format" in flat
    assert not {"voice", "speed", "output_audio_format", "tools"} & set(flat)


def test_a_voice_is_told_by_its_name():
    session = {"audio": {"output": {"voice": {"id": "voice_1"}}}}
    assert to_beta(session) == {"voice": "voice_1"}


def test_there_and_back_says_the_same():
    session = json.loads(encode(REALTIME_SESSION))
    again = from_beta(to_beta(session))
    assert again["audio"] == session["audio"]
    for name in ("output_modalities", "instructions", "max_output_tokens", "tool_choice"):
        assert again[name] == session[name]


@pytest.mark.parametrize(
    ("today", "beta"),
    [
        ("audio.output.voice", "voice"),
        ("audio.input.format.type", "input_audio_format.type"),
        ("audio.input.turn_detection.threshold", "turn_detection.threshold"),
        ("output_modalities[1]", "modalities[1]"),
        ("tools[0].name", "tools[0].name"),
        ("audio.input", "audio.input"),
        ("included", "included"),
    ],
)
def test_fields_are_named_as_the_beta_did(today, beta):
    assert flat_path(today) == beta
