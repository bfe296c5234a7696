"""What those who run a server see of what goes on, and can do about it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest
from starlette.requests import Request

from antiphon.config.keys import digest_of, name_of
from antiphon.http import live
from tests.support.client import PATIENCE_S
from tests.support.memory import MemoryClient, open_room
from tests.support.server import running_server

ADMIN = {"Authorization": "Bearer sk-admin"}
KEYS: dict[str, Any] = {"api_keys": ("sk-user",), "admin_keys": ("sk-admin",)}


async def events_of(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str]]:
    """Yield type and data of server-sent events."""
    kind = ""
    async for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, value


async def test_open_sessions_are_listed():
    async with running_server(**KEYS) as server:
        async with server.sdk(api_key="sk-user") as client:
            await client.ask("Good morning.")
            listed = await server.request("GET", "/v1/antiphon/sessions", headers=ADMIN)
        await server.wait_until_empty()
        after = await server.request("GET", "/v1/antiphon/sessions", headers=ADMIN)
    (session,) = listed.json()["data"]
    assert session.pop("opened_at") > 1.7e9
    created = client.frames[0]["session"]
    assert session.pop("conversation_id").startswith("conv_")
    assert session == {
        "object": "antiphon.session",
        "id": created["id"],
        "kind": "realtime",
        "model": "antiphon",
        "key": name_of("key", digest_of("sk-user")),
        "transport": "websocket",
        "responses": 1,
        "speaking": False,
    }
    assert after.json() == {"object": "list", "data": []}


async def test_the_operator_listens_in_until_the_session_is_over():
    async with running_server() as server, server.sdk() as client:
        session_id = client.frames[0]["session"]["id"]
        address = f"{server.url}/v1/antiphon/sessions/{session_id}/events"
        heard: list[str] = []
        async with httpx2.AsyncClient() as http, http.stream("GET", address) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            with anyio.fail_after(PATIENCE_S):
                lines = stream.aiter_lines()
                assert (await anext(lines)).startswith(":")
                await client.ask("Good morning.")
                await client.sdk.close()
                async for kind, _ in events_of(lines):
                    heard.append(kind)
    seen = [frame["type"] for frame in client.frames[1:]]
    assert heard[-1] == "antiphon.session.over"
    assert heard[:-1] == [kind for kind in seen if kind != "response.output_audio.delta"]


async def test_the_operator_hangs_up():
    async with running_server() as server, server.socket() as client:
        created = await client.until("session.created")
        session_id = created["session"]["id"]
        answer = await server.request("POST", f"/v1/antiphon/sessions/{session_id}/hangup")
        assert answer.json() == {"id": session_id, "object": "antiphon.session.ended"}
        assert await client.closed() == (1000, "The operator ended the session.")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/sessions/sess_none/events"), ("POST", "/sessions/sess_none/hangup")],
)
async def test_a_session_that_is_not_there_is_not_found(method, path):
    async with running_server() as server:
        answer = await server.request(method, f"/v1/antiphon{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "session_not_found"


async def test_the_engines_are_listed_with_what_they_have_to_do():
    async with running_server() as server:
        answer = await server.request("GET", "/v1/antiphon/engines")
    engines = answer.json()["data"]
    assert {one["role"] for one in engines} >= {"transcriber", "language_model", "synthesizer"}
    assert {(one["object"], one["state"]) for one in engines} == {("antiphon.engine", "ready")}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sessions"),
        ("GET", "/engines"),
        ("GET", "/sessions/sess_1/events"),
        ("POST", "/sessions/sess_1/hangup"),
    ],
)
async def test_a_key_of_a_user_will_not_do(method, path):
    user = {"Authorization": "Bearer sk-user"}
    async with running_server(**KEYS) as server:
        answer = await server.request(method, f"/v1/antiphon{path}", headers=user)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


async def test_who_listens_in_and_does_not_read_is_sent_away(monkeypatch, caplog):
    monkeypatch.setattr(live, "_PATIENCE_S", 0.05)
    async with open_room() as room:
        await room.welcome(MemoryClient())
        (session,) = room.reception.live
        path = {"session_id": session.opened.id}
        scope = {"type": "http", "method": "GET", "path": "/", "path_params": path}
        answer = await live.Live(room.reception).events(Request(scope))
        assert len(session.listening) == 1
        with caplog.at_level(logging.WARNING):
            await answer(scope, anyio.sleep_forever, never_taken)  # type: ignore[arg-type]
        assert not session.listening
    assert "has read nothing for" in caplog.text


async def never_taken(message: object) -> None:
    """Begin an answer, and take nothing of it."""
    if message["type"] == "http.response.body":  # type: ignore[index]
        await anyio.sleep_forever()
