"""A server while its engines are being loaded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from antiphon.config import Config
from antiphon.http.gate import Gate
from antiphon.http.server import listening_on, open_listener
from antiphon.runtime.readiness import Readiness


@asynccontextmanager
async def loading(tmp_path) -> AsyncIterator[str]:
    config = Config(port=0, home=tmp_path)
    with open_listener(config) as listener:
        async with listening_on(Gate(Readiness()), listener, config) as (_, url):
            yield url


async def test_it_is_alive_and_not_ready(tmp_path):
    async with loading(tmp_path) as url, httpx2.AsyncClient(base_url=url) as client:
        live, ready = await client.get("/healthz"), await client.get("/readyz")
    assert live.status_code == 200
    assert (ready.status_code, ready.json()["phase"]) == (503, "loading")


@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("POST", "/v1/audio/speech")])
async def test_clients_are_told_when_to_come_again(tmp_path, method, path):
    async with loading(tmp_path) as url, httpx2.AsyncClient(base_url=url) as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"]["code"] == "server_loading"


async def test_so_are_those_who_want_a_session(tmp_path):
    async with loading(tmp_path) as url:
        with pytest.raises(InvalidStatus) as refusal:
            async with connect(f"ws{url.removeprefix('http')}/v1/realtime"):
                pass
    assert refusal.value.response.status_code == 503
    assert refusal.value.response.headers["retry-after"] == "5"


async def test_an_open_gate_is_not_there():
    gate, seen = Gate(Readiness()), []

    async def app(scope, receive, send) -> None:
        seen.append(scope["path"])

    gate.open(app)
    await gate({"type": "http", "path": "/anything"}, None, None)  # type: ignore[arg-type]
    assert seen == ["/anything"]
