from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection
from websockets.exceptions import InvalidStatus

from antiphon.config import Config
from antiphon.errors import RequestError
from antiphon.http.origins import Origins, allowed_origins
from tests.support.server import running_server

PAGE = "https://app.example.org"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-openai-agents-sdk",
}


def origins(**config) -> Origins:
    return allowed_origins(Config(home=Path("unused"), **config))


def coming(
    origin: str | None = None, host: str = "127.0.0.1:8000", scheme: str = "http"
) -> HTTPConnection:
    """A request, from a page if it has an origin."""
    headers = {"host": host, **({} if origin is None else {"origin": origin})}
    return HTTPConnection(
        {
            "type": "websocket" if scheme.startswith("ws") else "http",
            "scheme": scheme,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost",
        "http://localhost:3000",
        "https://app.localhost:8443",
        "http://127.0.0.1:5173",
        "http://[::1]:3000",
        None,
    ],
)
def test_without_keys_pages_of_this_machine_may_connect(origin):
    origins().check(coming(origin))


@pytest.mark.parametrize(
    "origin",
    [
        PAGE,
        "null",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
        "http://evil-localhost",
        "http://evil.127.0.0.1",
        "http://localhost:80@example.org",
        "http://localhost\n",
        "http://192.168.1.7:8000",
        "",
    ],
)
def test_without_keys_no_other_page_may(origin, caplog):
    with pytest.raises(RequestError) as refusal:
        origins().check(coming(origin))
    assert refusal.value.code == "origin_not_allowed"
    assert f"--allow-origin {origin}" in refusal.value.message
    assert repr(origin) in caplog.text


def test_with_keys_any_page_may_connect_that_has_one():
    origins(api_keys=("sk-one",)).check(coming(PAGE))


@pytest.mark.parametrize("keys", [(), ("sk-one",)])
def test_a_list_says_it_all(keys):
    listed = origins(api_keys=keys, allow_origins=(PAGE, "null"))
    listed.check(coming(PAGE))
    listed.check(coming("null"))
    for origin in ("http://localhost:3000", f"{PAGE}:8443", "http://app.example.org"):
        with pytest.raises(RequestError):
            listed.check(coming(origin))


def test_a_star_is_every_page():
    origins(allow_origins=("*",)).check(coming("null"))


LISTED = {"allow_origins": (PAGE,)}
LISTED_WITH_KEYS = {**LISTED, "api_keys": ("sk-one",)}


@pytest.mark.parametrize(
    ("config", "host", "origin", "scheme"),
    [
        (LISTED, "127.0.0.1:8000", "http://127.0.0.1:8000", "http"),
        (LISTED, "localhost:8000", "http://localhost:8000", "ws"),
        (LISTED, "[::1]:8000", "http://[::1]:8000", "ws"),
        (LISTED_WITH_KEYS, "voice.example.org", "http://voice.example.org", "http"),
        (LISTED_WITH_KEYS, "voice.example.org", "https://voice.example.org", "wss"),
        # TLS ends in front of the server.
        (LISTED_WITH_KEYS, "voice.example.org", "https://voice.example.org", "ws"),
        (
            {"allow_anyone": True, "host": "0.0.0.0"},
            "192.168.1.7:8000",
            "http://192.168.1.7:8000",
            "ws",
        ),
    ],
)
def test_the_console_may_connect_to_the_server_that_it_is_from(config, host, origin, scheme):
    origins(**config).check(coming(origin, host, scheme))


@pytest.mark.parametrize(
    ("config", "host", "origin", "scheme"),
    [
        # A name that leads here may be another's: DNS rebinding.
        ({}, "rebound.example.net:8000", "http://rebound.example.net:8000", "ws"),
        (LISTED, "rebound.example.net:8000", "http://rebound.example.net:8000", "http"),
        (LISTED, "rebound.example.net", "https://rebound.example.net", "ws"),
        # Another port or host of the same machine is another page.
        (LISTED, "127.0.0.1:8000", "http://127.0.0.1:8001", "http"),
        (LISTED, "127.0.0.1:8000", "http://localhost:8000", "http"),
        # A page without TLS is not that of a server with it.
        (LISTED_WITH_KEYS, "voice.example.org", "http://voice.example.org", "wss"),
    ],
)
def test_a_page_that_only_looks_like_it_may_not(config, host, origin, scheme):
    with pytest.raises(RequestError, match="may not use this server"):
        origins(**config).check(coming(origin, host, scheme))


def test_without_keys_requests_have_to_name_this_machine_since_pages_need_not_say_who_they_are():
    for host in ("127.0.0.1:8000", "localhost", "app.localhost:8000", "[::1]:8000", ""):
        origins().check(coming(host=host))
    with pytest.raises(RequestError, match=r"--allow-origin http://rebound\.example\.net:8000"):
        origins().check(coming(host="rebound.example.net:8000"))
    origins(**LISTED).check(coming(host="app.example.org"))
    origins(**LISTED_WITH_KEYS).check(coming(host="any.example.net"))
    origins(allow_anyone=True, host="0.0.0.0").check(coming(host="antiphon:8000"))
    origins().check(coming(host="any.example.net", scheme="ws"))  # upgrades of pages always say


async def test_a_page_may_ask_and_read_the_answer():
    async with running_server(allow_origins=(PAGE,)) as server:
        preflight = await server.request(
            "OPTIONS", "/v1/realtime/client_secrets", headers={"Origin": PAGE, **PREFLIGHT}
        )
        answer = await server.request("GET", "/v1/models", headers={"Origin": PAGE})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == PAGE
    allowed = preflight.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-openai-agents-sdk"} <= set(allowed)
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-expose-headers"] == "Location, X-Request-Id"


async def test_a_page_can_read_why_it_was_refused():
    headers = {"Origin": "http://localhost:3000", "Authorization": "Bearer wrong"}
    async with running_server(api_keys=("sk-one",)) as server:
        answer = await server.request("GET", "/v1/models", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_other_pages_are_refused_over_http():
    async with running_server() as server:
        preflight = await server.request(
            "OPTIONS", "/v1/realtime/client_secrets", headers={"Origin": PAGE, **PREFLIGHT}
        )
        answer = await server.request(
            "POST", "/v1/realtime/client_secrets", headers={"Origin": PAGE}
        )
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "origin_not_allowed"
    assert "access-control-allow-origin" not in answer.headers


async def test_other_pages_cannot_open_a_session():
    async with running_server() as server:
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket(headers={"Origin": PAGE}):
                pass
        async with server.socket(headers={"Origin": "http://localhost:3000"}) as client:
            await client.until("session.created")
    assert refusal.value.response.status_code == 403
    error = json.loads(refusal.value.response.body)["error"]
    assert error["code"] == "origin_not_allowed"
