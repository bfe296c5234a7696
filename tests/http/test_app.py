from __future__ import annotations

import pytest

from tests.support.server import running_server

KEY = {"Authorization": "Bearer sk-one"}


async def test_health_needs_no_key_and_counts_the_sessions():
    async with running_server(api_keys=("sk-one",)) as server:
        idle = await server.request("GET", "/health")
        async with server.sdk(api_key="sk-one"):
            busy = await server.request("GET", "/health")
    assert idle.status_code == 200
    assert idle.json() == {"status": "ok", "sessions": 0}
    assert busy.json() == {"status": "ok", "sessions": 1}


async def test_a_response_leaves_a_timeline():
    async with running_server() as server, server.sdk() as client:
        response = await client.ask("Good morning.")
        page = await server.request("GET", f"/v1/antiphon/timelines/{response['id']}")
    moments = page.json()["moments_ms"]
    assert page.json()["response_id"] == response["id"]
    assert next(iter(moments)) == "created"
    assert next(reversed(moments)) == "ended"
    assert {"prompt_read", "first_token", "first_segment", "first_audio"} <= set(moments)


async def test_an_unknown_response_has_no_timeline():
    async with running_server() as server:
        page = await server.request("GET", "/v1/antiphon/timelines/resp_none")
    assert page.status_code == 404
    assert page.json()["error"]["param"] == "response_id"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("GET", "/v1/antiphon/timelines/resp_none"),
        ("GET", "/v1/models/antiphon"),
        ("POST", "/v1/audio/speech"),
        ("POST", "/v1/audio/transcriptions"),
        ("POST", "/v1/audio/translations"),
        ("POST", "/v1/realtime/calls"),
        ("POST", "/v1/realtime/client_secrets"),
        ("POST", "/v1/realtime/sessions"),
        ("POST", "/v1/realtime/transcription_sessions"),
        ("POST", "/v1/realtime/translations/client_secrets"),
    ],
)
async def test_everything_else_needs_a_key(method, path, tmp_path):
    async with running_server(api_keys=("sk-one",), home=tmp_path) as server:
        without = await server.request(method, path)
        with_key = await server.request(method, path, headers=KEY)
    assert without.status_code == 401
    assert without.json()["error"]["code"] == "invalid_api_key"
    assert with_key.status_code != 401
