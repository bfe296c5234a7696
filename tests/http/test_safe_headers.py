from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from antiphon.http.safe_headers import MAX_HEADERS
from tests.support.server import running_server

PLAIN = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/v1/models"),
        ("GET", "/nowhere"),
        ("POST", "/v1/realtime/client_secrets"),
        ("OPTIONS", "/v1/models"),
    ],
)
async def test_every_answer_tells_browsers_to_do_no_more_than_it_is_meant_for(method, path):
    async with running_server() as server:
        answer = await server.request(method, path)
    assert {name: answer.headers[name] for name in PLAIN} == PLAIN
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert len(answer.headers.get_list("content-security-policy")) == 1
    assert "server" not in answer.headers
    assert "strict-transport-security" not in answer.headers  # nobody is to be kept from plain HTTP


async def test_so_does_a_refused_upgrade():
    async with running_server(api_keys=("sk-one",)) as server:
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket():
                pass
    headers = refusal.value.response.headers
    assert {name: headers[name] for name in PLAIN} == PLAIN
    assert "Server" not in headers


async def test_a_session_does_not_say_what_serves_it():
    async with running_server() as server, server.socket() as client:
        assert client.socket.response is not None
        assert "Server" not in client.socket.response.headers


async def test_pages_of_others_are_let_in_as_before():
    origin = "https://app.example.org"
    async with running_server(api_keys=("sk-one",)) as server:
        headers = {"Authorization": "Bearer sk-one", "Origin": origin}
        answer = await server.request("GET", "/v1/models", headers=headers)
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_request_may_have_so_many_headers_and_no_more():
    async with running_server() as server:
        few = await server.request("GET", "/health", headers=_headers(MAX_HEADERS - 10))
        many = await server.request("GET", "/health", headers=_headers(MAX_HEADERS + 1))
    assert few.status_code == 200
    assert many.status_code == 431
    error = many.json()["error"]
    assert error["code"] == "too_many_headers"
    assert f"may have {MAX_HEADERS}" in error["message"]
    assert many.headers["x-content-type-options"] == "nosniff"


def _headers(count: int) -> dict[str, str]:
    return {f"x-{number}": "1" for number in range(count)}
