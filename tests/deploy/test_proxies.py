"""Clients reach the server through the proxies that deploy/ has examples for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import httpx2
import pytest
from openai import AsyncOpenAI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from antiphon.config import Config, StoreChoice, TlsChoice
from antiphon.testing.listening import Listening, listening
from tests.deploy.proxies import PROXIES, proxy
from tests.support.cast import make_cast
from tests.support.certificates import made, trusting
from tests.support.client import PATIENCE_S
from tests.support.server import SdkClient
from tests.support.sound import as_file, silence, speech

KEY, ADMIN_KEY = "sk-one", "sk-admin"
BEARER = {"Authorization": f"Bearer {KEY}"}
MIB = 1 << 20

pytestmark = pytest.mark.parametrize("kind", PROXIES)


@dataclass
class Front:
    """A server, and a proxy before it.

    Attributes:
        url: The proxy's address, ``https://localhost:port``.
        server: The server.
        tls: The proxy's certificate.
    """

    url: str
    server: Listening
    tls: TlsChoice

    def http(self) -> httpx2.AsyncClient:
        """A client of plain requests, with a user's key."""
        return httpx2.AsyncClient(
            base_url=self.url, verify=trusting(self.tls), headers=BEARER, timeout=PATIENCE_S
        )

    def upgrade(self, path: str = "/v1/realtime", **headers: str) -> connect:
        """A WebSocket of a client that may send any headers."""
        return connect(
            f"wss{self.url.removeprefix('https')}{path}",
            ssl=trusting(self.tls),
            additional_headers={**BEARER, **headers},
        )


@asynccontextmanager
async def fronted(
    kind: str, wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app, **config: Any
) -> AsyncIterator[Front]:
    """Run a server behind a proxy until the context ends.

    Args:
        kind: Which proxy.
        wrap: Returns the application to run in place of the server's own.
        config: Fields of the server's configuration.
    """
    fields = {
        "port": 0,
        "store": StoreChoice(keep="nothing"),
        "api_keys": (KEY,),
        "admin_keys": (ADMIN_KEY,),
        "trusted_proxies": ("127.0.0.1",),
        **config,
    }
    with TemporaryDirectory() as home:
        folder, tls = Path(home), made(Path(home))
        settings = Config(home=folder, **fields)
        async with listening(settings, make_cast(None).engines, wrap) as server:
            with proxy(kind, server.url, tls, folder) as url:
                yield Front(url, server, tls)


async def test_the_official_sdk_converses(kind):
    async with fronted(kind) as front, front.http() as http:
        sdk = AsyncOpenAI(base_url=f"{front.url}/v1", api_key=KEY, http_client=http)
        options: Any = {"ssl": trusting(front.tls)}
        async with sdk.realtime.connect(
            model="antiphon", websocket_connection_options=options
        ) as connection:
            client = SdkClient(connection)
            await client.until("session.created")
            response = await client.ask("Hello?")
            assert response["status"] == "completed"
            assert client.audio_of(response["id"])
        assert [model.id async for model in await sdk.models.list()] == ["antiphon"]


async def test_a_file_goes_on_to_the_server_while_it_is_sent(kind):
    arrived = anyio.Event()

    def noting(app: ASGIApp) -> ASGIApp:
        async def noted(scope: Scope, receive: Receive, send: Send) -> None:
            async def take() -> Message:
                message = await receive()
                if message.get("body"):
                    arrived.set()
                return message

            await app(scope, take, send)

        return noted

    file = as_file(speech(2000) + silence(1000))

    async def slowly() -> AsyncIterator[bytes]:
        form = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
            + file
            + b'\r\n--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--x--'
        )
        yield form[:4096]
        with anyio.fail_after(PATIENCE_S):
            await arrived.wait()
        yield form[4096:]

    async with fronted(kind, noting) as front, front.http() as http:
        answer = await http.post(
            "/v1/audio/transcriptions",
            content=slowly(),
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"]


@pytest.mark.parametrize(("size_bytes", "status"), [(25 * MIB - 1000, 400), (25 * MIB, 413)])
async def test_it_is_the_server_that_says_what_files_it_takes(kind, size_bytes, status):
    junk = {"file": ("a.wav", bytes(size_bytes))}
    async with fronted(kind) as front, front.http() as http:
        answer = await http.post(
            "/v1/audio/transcriptions", files=junk, data={"model": "whisper-1"}
        )
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, "invalid_request_error")


async def test_events_flow_as_they_are_sent(kind):
    received = anyio.Event()

    def waiting(app: ASGIApp) -> ASGIApp:
        """Sends no second piece of a body before the client has the first."""

        async def waited(scope: Scope, receive: Receive, send: Send) -> None:
            begun = False

            async def give(message: Message) -> None:
                nonlocal begun
                if message.get("body"):
                    if begun:
                        with anyio.fail_after(PATIENCE_S):
                            await received.wait()
                    begun = True
                await send(message)

            await app(scope, receive, give)

        return waited

    asked = {"model": "tts-1", "input": "Good morning.", "voice": "alto", "stream_format": "sse"}
    async with (
        fronted(kind, waiting) as front,
        front.http() as http,
        http.stream("POST", "/v1/audio/speech", json=asked) as answer,
    ):
        kinds = []
        async for line in answer.aiter_lines():
            received.set()
            if line.startswith("data: "):
                kinds.append(json.loads(line.removeprefix("data: "))["type"])
    assert kinds[0] == "speech.audio.delta"
    assert kinds[-1] == "speech.audio.done"


async def test_a_full_server_is_told_of_as_it_tells_itself(kind):
    async with fronted(kind, max_sessions=1) as front, front.upgrade() as first:
        assert json.loads(await first.recv())["type"] == "session.created"
        with pytest.raises(InvalidStatus) as refusal:
            await front.upgrade()
    assert refusal.value.response.status_code == 503
    assert refusal.value.response.headers["retry-after"]
    body = json.loads(refusal.value.response.body)
    assert body["error"]["code"] == "server_full"


async def test_what_is_for_operators_stays_inside(kind):
    async with fronted(kind) as front, front.http() as http:
        document = (await http.get("/v1/antiphon/openapi.json")).json()
        paths = [path for path in document["paths"] if path.startswith("/v1/antiphon/")]
        users = {path for path in paths if "timelines" in path or "voices" in path}
        users |= {f"/v1/antiphon/{name}" for name in ("ice_servers", "openapi.json")}
        inside = sorted(set(paths) - users)
        assert {"/v1/antiphon/sessions", "/v1/antiphon/usage"} <= set(inside)
        written = [
            "/metrics",
            "//metrics",
            "/v1/../metrics",
            "/%6detrics",
            "/metrics%2f..%2fmetrics",
        ]
        written += [f"/v1/antiphon{rest}" for rest in ("%2Fsessions", "/timelines/../sessions")]
        for path in [*inside, *(path.removeprefix("/v1") for path in inside), *written]:
            raw = httpx2.URL(front.url).copy_with(raw_path=path.encode())  # unmended
            for method in ("GET", "POST"):
                answer = await http.request(
                    method, raw, headers={"Authorization": f"Bearer {ADMIN_KEY}"}
                )
                assert answer.status_code == 404, path
                assert not answer.content.startswith(b"{"), f"{path} got through"
        for path in ("/v1/antiphon/voices", "/antiphon/ice_servers", "/readyz", "/"):
            assert (await http.get(path)).status_code == 200, path


async def test_the_server_believes_the_proxy_and_the_proxy_no_client(kind):
    scopes: list[Scope] = []

    def noting(app: ASGIApp) -> ASGIApp:
        def noted(scope: Scope, receive: Receive, send: Send) -> Any:
            scopes.append(scope)
            return app(scope, receive, send)

        return noted

    forged = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "http"}
    async with fronted(kind, noting) as front:
        async with front.upgrade(**forged) as session:
            await session.recv()
        async with front.http() as http:
            await http.get("/v1/models", headers=forged)
    assert [(scope["client"][0], scope["scheme"]) for scope in scopes] == [
        ("127.0.0.1", "wss"),
        ("127.0.0.1", "https"),
    ]


async def test_the_server_s_own_page_may_connect_and_others_may_not(kind):
    async with fronted(kind, allow_origins=("https://app.example.org",)) as front:
        async with front.upgrade(Origin=front.url) as session:
            assert json.loads(await session.recv())["type"] == "session.created"
        with pytest.raises(InvalidStatus) as refusal:
            await front.upgrade(Origin="https://localhost")
    assert refusal.value.response.status_code == 403


async def test_browsers_are_told_to_come_by_tls_alone(kind):
    async with fronted(kind) as front, front.http() as http:
        assert "max-age" in (await http.get("/healthz")).headers["strict-transport-security"]
