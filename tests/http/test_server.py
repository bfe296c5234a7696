from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest

from antiphon.config import Config
from antiphon.errors import ConfigurationError
from antiphon.http.server import listening_on, open_listener
from tests.support.server import running_server


async def test_the_server_is_ready_when_it_says_so():
    async with running_server() as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert (await server.request("GET", "/health")).status_code == 200


async def test_the_server_can_listen_on_ipv6():
    async with running_server(host="::1") as server:
        assert server.url.startswith("http://[::1]:")
        assert (await server.request("GET", "/health")).status_code == 200


async def test_a_stopped_server_closes_its_sessions():
    async with running_server() as server, server.socket() as client:
        await client.until("session.created")
        reception = server.reception
        server.stop()
        assert await client.closed() == (1012, "")
    assert reception.open_sessions == 0


def test_a_port_that_is_taken_is_named_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = Config(home=Path("unused"), port=port)
        expected = rf"127\.0\.0\.1, port {port}: Address already in use\. .*--port"
        with pytest.raises(ConfigurationError, match=expected), open_listener(config):
            pass


def test_an_address_of_another_machine_is_named():
    config = Config(home=Path("unused"), host="203.0.113.1", api_keys=("sk-one",))
    with (
        pytest.raises(ConfigurationError, match=r"203\.0\.113\.1, port 8000"),
        open_listener(config),
    ):
        pass


@pytest.mark.parametrize(
    ("trusted", "client", "scheme"),
    [
        ((), "127.0.0.1", "http"),
        (("10.0.0.0/8",), "127.0.0.1", "http"),
        (("127.0.0.1",), "203.0.113.7", "https"),
        (("127.0.0.0/8", "203.0.113.0/24"), "198.51.100.1", "https"),
    ],
)
async def test_only_trusted_proxies_are_believed_whom_they_speak_for(trusted, client, scheme):
    seen: dict[str, object] = {}

    async def look(scope: Any, _receive: Any, send: Any) -> None:
        seen.update(client=scope["client"][0], scheme=scope["scheme"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    config = Config(home=Path("unused"), port=0, trusted_proxies=trusted)
    said = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7", "X-Forwarded-Proto": "https"}
    with open_listener(config) as listener:
        async with (
            listening_on(look, listener, config) as (_, url),
            httpx2.AsyncClient() as http,
        ):
            await http.get(url, headers=said)
    assert seen == {"client": client, "scheme": scheme}
