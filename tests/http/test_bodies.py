from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from antiphon.http.bodies import MAX_BODY_BYTES
from tests.support.server import running_server

PATH = "/v1/realtime/client_secrets"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"{", "invalid_event", "not valid JSON"),
        (b"{}x", "invalid_event", "not valid JSON"),
        (b'"\xff"', "invalid_event", "not valid JSON"),
        (b"[]", "invalid_type", "not a JSON object"),
        (b"null", "invalid_type", "not a JSON object"),
        (b"[" * 100_000, "invalid_event", "nested too deeply"),
    ],
)
@pytest.mark.parametrize("path", [PATH, "/v1/realtime/sessions"])
async def test_a_body_that_is_no_object_is_refused(path, body, code, said):
    async with running_server() as server:
        response = await server.request("POST", path, content=body, headers=JSON)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert said in error["message"]


async def test_a_body_is_read_up_to_the_limit(tmp_path):
    fits = b"{}".ljust(MAX_BODY_BYTES)
    async with running_server(home=tmp_path) as server:
        at = await server.request("POST", PATH, content=fits, headers=JSON)
        beyond = await server.request("POST", PATH, content=fits + b" ", headers=JSON)
    assert at.status_code == 200
    assert beyond.status_code == 413
    expected = f"POST {PATH}: The body is too large: at most {MAX_BODY_BYTES} bytes are read."
    assert beyond.json()["error"]["message"] == expected


async def test_a_body_of_unsaid_length_is_not_read_further_than_the_limit():
    async def flood() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * (MAX_BODY_BYTES // 8)

    async with running_server() as server:
        response = await server.request("POST", PATH, content=flood(), headers=JSON)
    assert response.status_code == 413


async def test_a_body_of_another_type_is_refused():
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with running_server() as server:
        response = await server.request("POST", PATH, content=b"{}", headers=headers)
    assert response.status_code == 415
    error = response.json()["error"]
    assert "'application/x-www-form-urlencoded'; send 'application/json'" in error["message"]


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
async def test_a_content_type_may_have_parameters_and_any_case(content_type, tmp_path):
    headers = {"Content-Type": content_type}
    async with running_server(home=tmp_path) as server:
        response = await server.request("POST", PATH, content=b"{}", headers=headers)
    assert response.status_code == 200
