"""What each key may do, from outside: with which models, from which pages, how much."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from openai import PermissionDeniedError, RateLimitError
from websockets.exceptions import InvalidStatus

from antiphon.config import ApiKey, Limits, ModelChoice, Price, hash_line
from antiphon.config.keys import digest_of, name_of
from tests.support.client import PATIENCE_S
from tests.support.server import Served, running_server

KIOSK = {"Authorization": "Bearer sk-kiosk"}
PAGE = "https://kiosk.example.org"
MODELS = {"dear": ModelChoice(aliases=("gpt-realtime",)), "cheap": ModelChoice()}
UPLOAD_TO_COME = (
    b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
    b"Authorization: Bearer sk-kiosk\r\nContent-Length: 20000000\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
)
SPEECH = {"model": "cheap", "input": "Good morning.", "voice": "alto", "response_format": "pcm"}


def kiosk(limits: Limits | None = None, **fields: Any) -> tuple[ApiKey, ...]:
    one = ApiKey(name="kiosk", hash=hash_line("sk-kiosk"), rate_limits=limits, **fields)
    return (one, ApiKey(name="other", hash=hash_line("sk-other")))


async def refused(server: Served, path: str = "/v1/realtime", **headers: str) -> Any:
    """Return the HTTP answer to an upgrade that the key is refused."""
    with pytest.raises(InvalidStatus) as refusal:
        async with server.socket(path, headers=KIOSK | headers):
            pass
    return refusal.value.response


def error_of(response: Any) -> Any:
    return json.loads(response.body)["error"]


async def secret_of(server: Served, **headers: str) -> dict[str, str]:
    """Return the header with a client secret that the key has made."""
    path = "/v1/realtime/client_secrets"
    minted = await server.request("POST", path, headers=KIOSK | headers, json={})
    return {"Authorization": f"Bearer {minted.json()['value']}"}


# --- how many sessions ----------------------------------------------------------------------------


async def test_a_key_has_no_more_sessions_at_once_than_it_may_those_of_its_secrets_included():
    async with running_server(keys=kiosk(Limits(max_sessions=1))) as server:
        secret = await secret_of(server)
        async with server.socket(headers=secret) as client:
            await client.until("session.created")
            response = await refused(server)
            assert response.status_code == 429
            assert response.headers["Retry-After"] == "5"
            assert error_of(response)["code"] == "rate_limit_exceeded"
            spoken = await server.request("POST", "/v1/audio/speech", headers=KIOSK, json=SPEECH)
            assert spoken.status_code == 429
            async with server.sdk(api_key="sk-other"):
                assert server.reception.open_sessions == 2
        await server.wait_until_empty()
        async with server.sdk(api_key="sk-kiosk") as client:
            assert (await client.ask("Hello?"))["status"] == "completed"


async def test_a_key_that_is_used_up_is_refused_before_its_upload_is_read():
    async with (
        running_server(keys=kiosk(Limits(max_sessions=1))) as server,
        server.socket(headers=KIOSK) as client,
    ):
        await client.until("session.created")
        address = urlsplit(server.url)
        assert address.hostname
        assert address.port
        async with await anyio.connect_tcp(address.hostname, address.port) as connection:
            await connection.send(UPLOAD_TO_COME)
            with anyio.fail_after(PATIENCE_S):
                refusal = await connection.receive()
    assert refusal.startswith(b"HTTP/1.1 429 ")


# --- how much in a minute -------------------------------------------------------------------------


async def test_who_has_used_up_a_minute_is_told_before_the_upgrade_when_to_come_again():
    limits = Limits(requests_per_minute=1)
    async with running_server(keys=kiosk(limits)) as server:
        async with server.sdk(api_key="sk-kiosk") as client:
            await client.ask("Hello?")
        response = await refused(server)
        async with server.openai("sk-kiosk") as openai:
            with pytest.raises(RateLimitError) as refusal:
                await openai.audio.speech.create(model="cheap", input="Hello", voice="alto")
    assert response.status_code == 429
    assert 50 < int(response.headers["Retry-After"]) <= 60
    assert error_of(response)["code"] == refusal.value.code == "rate_limit_exceeded"


async def test_files_of_speech_use_the_tokens_of_a_minute_as_sessions_do():
    async with running_server(keys=kiosk(Limits(tokens_per_minute=1))) as server:
        spoken = await server.request("POST", "/v1/audio/speech", headers=KIOSK, json=SPEECH)
        assert len(spoken.content) > 1000
        await server.wait_until_empty()
        again = await server.request("POST", "/v1/audio/speech", headers=KIOSK, json=SPEECH)
    assert again.status_code == 429
    assert "1 tokens per minute" in again.json()["error"]["message"]


# --- how much money -------------------------------------------------------------------------------


async def test_a_key_spends_no_more_than_it_may_and_its_running_sessions_fail_in_words():
    limits = Limits(spend_per_day=1.0)
    prices = {"dear": Price(output=1_000_000.0)}
    async with running_server(keys=kiosk(limits), models=MODELS, prices=prices) as server:
        async with server.socket("/v1/realtime?model=gpt-realtime", headers=KIOSK) as client:
            await client.until("session.created")
            assert (await client.ask("Hello?"))["status"] == "completed"
            failed = await client.ask("Hello again?")
            assert failed["status"] == "failed"
            error = failed["status_details"]["error"]
            assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
            assert "1 USD per day" in error["message"]
            assert not client.of("rate_limits.updated")  # the wire has no name for such a limit
        response = await refused(server)
        assert response.status_code == 429
        assert 0 < int(response.headers["Retry-After"]) <= 86_400
        assert error_of(response)["code"] == "insufficient_quota"
        async with server.sdk(api_key="sk-other") as client:
            assert (await client.ask("Hello?"))["status"] == "completed"


async def test_a_model_without_a_price_costs_nothing():
    limits = Limits(spend_per_day=0.000001)
    prices = {"dear": Price(output=1_000_000.0)}
    async with (
        running_server(keys=kiosk(limits), models=MODELS, prices=prices) as server,
        server.socket("/v1/realtime?model=cheap", headers=KIOSK) as client,
    ):
        await client.until("session.created")
        for _ in range(2):
            assert (await client.ask("Hello?"))["status"] == "completed"


async def test_files_of_speech_are_paid_for_as_well():
    limits, prices = Limits(spend_per_month=0.5), {"*": Price(audio_output=1_000_000.0)}
    async with running_server(keys=kiosk(limits), prices=prices) as server:
        spoken = await server.request("POST", "/v1/audio/speech", headers=KIOSK, json=SPEECH)
        assert spoken.status_code == 200
        await server.wait_until_empty()
        again = await server.request("POST", "/v1/audio/speech", headers=KIOSK, json=SPEECH)
    assert (again.status_code, again.json()["error"]["code"]) == (429, "insufficient_quota")


# --- which models, which pages --------------------------------------------------------------------


async def test_a_key_gets_its_models_and_no_others_those_of_its_secrets_included():
    async with running_server(keys=kiosk(models=("cheap",)), models=MODELS) as server:
        async with server.socket("/v1/realtime?model=cheap", headers=KIOSK) as client:
            await client.until("session.created")
        for path in ("/v1/realtime?model=gpt-realtime", "/v1/realtime", "/v1/realtime?model=new"):
            response = await refused(server, path)
            assert response.status_code == 403
            assert error_of(response)["code"] == "model_not_allowed"
        secret = await secret_of(server)
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket("/v1/realtime?model=dear", headers=secret):
                pass
        assert refusal.value.response.status_code == 403
        async with server.openai("sk-kiosk") as openai:
            with pytest.raises(PermissionDeniedError):
                await openai.audio.speech.create(model="dear", input="Hello", voice="alto")
        call = {"Content-Type": "application/sdp"}
        answer = await server.request(
            "POST", "/v1/realtime/calls?model=dear", headers=KIOSK | call, content=b"v=0"
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "model_not_allowed")


async def test_a_key_is_told_of_its_models_by_the_names_that_it_may_use():
    for models, names in ((("cheap",), ["cheap"]), (("gpt-*",), ["gpt-realtime"])):
        async with running_server(keys=kiosk(models=models), models=MODELS) as server:
            listed = await server.request("GET", "/v1/models", headers=KIOSK)
            assert [model["id"] for model in listed.json()["data"]] == names
            hidden = await server.request("GET", "/v1/models/dear", headers=KIOSK)
            assert hidden.status_code == 404
            assert "dear" not in hidden.json()["error"]["message"].partition("Models are")[2]
            other = {"Authorization": "Bearer sk-other"}
            listed = await server.request("GET", "/v1/models", headers=other)
            assert [model["id"] for model in listed.json()["data"]] == [
                *("dear", "gpt-realtime", "cheap")
            ]


async def test_a_key_is_of_no_use_to_pages_that_are_not_its_own():
    async with running_server(keys=kiosk(origins=(PAGE,))) as server:
        async with server.socket(headers=KIOSK | {"Origin": PAGE}) as client:
            await client.until("session.created")
        async with server.socket(headers=KIOSK) as client:  # a program
            await client.until("session.created")
        stranger = {"Origin": "https://evil.example"}
        response = await refused(server, **stranger)
        assert response.status_code == 403
        assert error_of(response)["code"] == "origin_not_allowed"
        page = await server.request("GET", "/v1/models", headers=KIOSK | stranger)
        assert page.status_code == 403
        response = await refused(server, "/v1/realtime?call_id=rtc_1", **stranger)
        assert error_of(response)["code"] == "origin_not_allowed"
        secret = await secret_of(server)
        with pytest.raises(InvalidStatus):
            async with server.socket(headers=secret | stranger):
                pass


# --- administrators -------------------------------------------------------------------------------


async def _admin(server: Served, key: str | None) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return await server.request("GET", "/v1/antiphon/sessions", headers=headers)


async def test_what_concerns_the_whole_server_takes_an_admin_key():
    async with running_server(api_keys=("sk-user",), admin_keys=("sk-admin",)) as server:
        assert (await _admin(server, "sk-admin")).status_code == 200
        refusal = await _admin(server, "sk-user")
        assert refusal.status_code == 403
        error = refusal.json()["error"]
        assert error["code"] == "forbidden"
        name = name_of("key", digest_of("sk-user"))
        assert f"The key '{name}' may not do this: it takes an admin key." in error["message"]
        assert "sk-" not in error["message"]
        for key in (None, "sk-wrong"):
            assert (await _admin(server, key)).status_code == 401
        async with server.sdk(api_key="sk-admin") as client:
            assert (await client.ask("Hello?"))["status"] == "completed"


async def test_without_an_admin_key_a_server_with_keys_shows_it_to_nobody():
    async with running_server(api_keys=("sk-user",)) as server:
        refusal = await _admin(server, "sk-user")
    assert refusal.status_code == 403
    assert "list one in 'admin_keys'" in refusal.json()["error"]["message"]


async def test_where_no_key_is_needed_everybody_of_this_machine_sees_it():
    async with running_server() as server:
        assert (await _admin(server, None)).status_code == 200
        secret = await server.request("POST", "/v1/realtime/client_secrets", json={})
        assert (await _admin(server, secret.json()["value"])).status_code == 401
