from __future__ import annotations

import time
from typing import Any

import pytest
from msgspec import to_builtins
from openai.types.beta.realtime import SessionCreateResponse, TranscriptionSession
from openai.types.realtime import (
    ClientSecretCreateResponse,
    RealtimeTranslationClientSecretCreateResponse,
)

from antiphon.http.client_secrets import ClientSecrets, SessionGrant, TranslationGrant
from antiphon.http.minting import LEGACY_LIFETIME_S
from tests.support.models import ONE_MODEL
from tests.support.server import running_server

SESSION = "/v1/realtime/client_secrets"
TRANSLATION = "/v1/realtime/translations/client_secrets"
LEGACY = "/v1/realtime/sessions"
LEGACY_TRANSCRIPTION = "/v1/realtime/transcription_sessions"


async def answer(home, path: str, body: object = None, **config: Any) -> Any:
    """Return what a server answers to a request that it takes."""
    async with running_server(home=home, **config) as server:
        response = await server.request("POST", path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def refusal(home, path: str, body: object, **config: Any) -> Any:
    """Return why a server refuses a request."""
    async with running_server(home=home, **config) as server:
        response = await server.request("POST", path, json=body)
    assert response.status_code in {400, 404}
    return response.json()["error"]


async def test_the_effective_session_is_told_as_the_hosted_service_does(tmp_path):
    tools = [{"type": "function", "name": "look_up", "parameters": {"type": "object"}}]
    transcription = {"model": "gpt-4o-transcribe"}
    session = {
        "type": "realtime",
        "model": "gpt-realtime",
        "instructions": "Be a pirate.",
        "tools": tools,
        "audio": {"input": {"transcription": transcription}, "output": {"voice": "marin"}},
    }
    body = await answer(tmp_path, SESSION, {"session": session})
    ClientSecretCreateResponse.model_validate(body, strict=True)
    assert list(body) == ["value", "expires_at", "session"]
    assert body["value"].startswith("ek_")
    told = body["session"]
    assert told["id"].startswith("sess_")
    assert told["audio"]["input"]["transcription"] == {
        "model": "gpt-4o-transcribe",
        "language": None,
        "prompt": None,
    }
    assert told["audio"]["output"]["voice"] == "marin"
    assert told["tools"] == [{**tools[0], "description": None}]
    expected = {
        "object": "realtime.session",
        "type": "realtime",
        "model": "gpt-realtime",
        "instructions": "Be a pirate.",
        "expires_at": 0,
        "include": None,
        "prompt": None,
        "tracing": None,
        "truncation": "auto",
        "tool_choice": "auto",
        "max_output_tokens": "inf",
    }
    assert expected.items() <= told.items()


async def test_a_secret_can_be_had_for_nothing(tmp_path):
    before = int(time.time())
    body = await answer(tmp_path, SESSION, models=ONE_MODEL)
    assert before + 600 <= body["expires_at"] <= time.time() + 600
    assert body["session"]["type"] == "realtime"
    assert body["session"]["model"] == "first"
    granted = ClientSecrets(tmp_path).read(body["value"])
    assert granted.expires_at == body["expires_at"]


@pytest.mark.parametrize("seconds", [10, 7200])
async def test_a_secret_lives_as_long_as_is_asked(seconds, tmp_path):
    before = int(time.time())
    body = await answer(tmp_path, SESSION, {"expires_after": {"seconds": seconds}})
    assert before + seconds <= body["expires_at"] <= time.time() + seconds


async def test_a_secret_may_be_for_transcription(tmp_path):
    session = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
    body = await answer(tmp_path, SESSION, {"session": session})
    ClientSecretCreateResponse.model_validate(body, strict=True)
    assert body["session"]["object"] == "realtime.transcription_session"
    assert body["session"]["audio"]["input"]["turn_detection"] is None
    assert body["session"]["expires_at"] == 0


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"expires_after": {"seconds": 9}}, "invalid_value", "expires_after.seconds"),
        (
            {"expires_after": {"seconds": 7201}},
            "integer_above_max_value",
            "expires_after.seconds",
        ),
        ({"session": {}}, "missing_required_parameter", "session.type"),
        ({"session": {"type": "translation"}}, "invalid_value", "session.type"),
        (
            {"session": {"type": "realtime", "audio": {"output": {"speed": 9}}}},
            "invalid_value",
            "session.audio.output.speed",
        ),
        (
            {"session": {"type": "realtime", "audio": {"output": {"voice": "nobody"}}}},
            "invalid_value",
            "session.audio.output.voice",
        ),
        (
            {
                "session": {
                    "type": "realtime",
                    "tool_choice": {"type": "function", "name": "nothing"},
                }
            },
            "invalid_value",
            "session.tool_choice.name",
        ),
        (
            {"session": {"type": "realtime", "prompt": {"id": "pmpt_1"}}},
            "invalid_value",
            "session.prompt.id",
        ),
    ],
)
async def test_settings_are_judged_as_those_of_an_update(body, code, param, tmp_path):
    error = await refusal(tmp_path, SESSION, body)
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert error["param"] == param


async def test_a_strict_server_refuses_models_it_does_not_have(tmp_path):
    body = {"session": {"type": "realtime", "model": "third"}}
    error = await refusal(tmp_path, SESSION, body, models=ONE_MODEL, strict_models=True)
    assert error["code"] == "model_not_found"


async def test_a_secret_may_be_for_translation(tmp_path):
    audio = {"input": {"transcription": {"model": "t"}}, "output": {"language": "es"}}
    body = await answer(tmp_path, TRANSLATION, {"session": {"model": "m", "audio": audio}})
    RealtimeTranslationClientSecretCreateResponse.model_validate(body, strict=True)
    assert list(body) == ["value", "expires_at", "session"]
    assert body["session"] == {
        "type": "translation",
        "id": body["session"]["id"],
        "expires_at": 0,
        "model": "m",
        "audio": {
            "input": {"transcription": {"model": "t"}, "noise_reduction": None},
            "output": {"language": "es"},
        },
    }
    assert isinstance(ClientSecrets(tmp_path).read(body["value"]), TranslationGrant)


async def test_a_translation_needs_a_model(tmp_path):
    error = await refusal(tmp_path, TRANSLATION, {"session": {}})
    assert (error["code"], error["param"]) == ("missing_required_parameter", "session.model")


async def test_the_betas_route_takes_and_gives_the_betas_session(tmp_path):
    asked = {
        "model": "gpt-4o-realtime-preview",
        "voice": "verse",
        "modalities": ["text", "audio"],
        "input_audio_format": "g711_ulaw",
        "input_audio_transcription": {"model": "whisper-1"},
        "temperature": 0.7,
        "max_response_output_tokens": 100,
    }
    before = int(time.time())
    body = await answer(tmp_path, LEGACY, asked)
    SessionCreateResponse.model_validate(body, strict=True)
    secret = body["client_secret"]
    assert secret["value"] == body["value"]
    assert before + LEGACY_LIFETIME_S <= secret["expires_at"] <= time.time() + LEGACY_LIFETIME_S
    assert body["object"] == "realtime.session"
    assert body["output_audio_format"] == "pcm16"
    assert body["modalities"] == ["audio", "text"]
    assert body["turn_detection"]["type"] == "server_vad"
    assert body["temperature"] == 0.8
    same = ("model", "voice", "input_audio_format", "max_response_output_tokens")
    assert {name: body[name] for name in same} == {name: asked[name] for name in same}
    granted = ClientSecrets(tmp_path).read(body["value"])
    assert isinstance(granted, SessionGrant)
    assert to_builtins(granted.settings)["audio"]["output"] == {"voice": "verse"}


async def test_the_betas_transcription_route_likewise(tmp_path):
    asked = {
        "input_audio_format": "g711_alaw",
        "input_audio_transcription": {"model": "whisper-1"},
        "turn_detection": None,
    }
    body = await answer(tmp_path, LEGACY_TRANSCRIPTION, asked)
    TranscriptionSession.model_validate(body, strict=True)
    assert body["object"] == "realtime.transcription_session"
    assert body["client_secret"]["value"] == body["value"]
    assert body["input_audio_format"] == "g711_alaw"
    assert body["turn_detection"] is None
    assert body["input_audio_transcription"]["model"] == "whisper-1"
    assert "voice" not in body


@pytest.mark.parametrize(
    ("flat", "param"),
    [
        ({"voice": "nobody"}, "voice"),
        ({"input_audio_format": "mp3"}, "input_audio_format"),
        ({"turn_detection": {"threshold": 2}}, "turn_detection.threshold"),
        ({"max_response_output_tokens": 0}, "max_response_output_tokens"),
        ({"modalities": ["text", "audio", "smell"]}, "modalities"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ],
)
async def test_faults_are_named_by_the_betas_own_fields(flat, param, tmp_path):
    error = await refusal(tmp_path, LEGACY, flat)
    assert error["param"].startswith(param)
    assert "audio.input" not in error["message"]


async def test_every_route_is_there_without_v1_too(tmp_path):
    assert (await answer(tmp_path, "/realtime/client_secrets"))["value"].startswith("ek_")
