from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from msgspec.structs import fields, replace
from starlette.types import ASGIApp, Receive, Scope, Send

from antiphon.config import ApiKey, Config, Limits, ModelChoice, hash_line
from antiphon.errors import ConfigurationError
from antiphon.http.app import build_app
from antiphon.http.reloading import CHANGEABLE, Reloading
from antiphon.runtime.openings import Opening
from antiphon.wire.session import RealtimeSession
from tests.support.memory import Room, open_room

ADMIN = "sk-admin"
ANNA = ApiKey(name="anna", hash=hash_line("sk-anna"))
BEN = ApiKey(name="ben", hash=hash_line("sk-ben"))


class Server:
    """A server without sockets, whose configuration is in the hands of a test.

    Attributes:
        room: What is behind it.
        wanted: The configuration that is read next.
    """

    def __init__(self, room: Room) -> None:
        self.room = room
        self.wanted = room.reception.config
        self._app: ASGIApp = self
        self.reloading = Reloading(
            lambda: self.wanted, room.reception, renew=lambda _: None, rebuild=self.rebuild
        )
        self.rebuild()

    def rebuild(self) -> None:
        self._app = build_app(self.room.reception, reload=self.reloading.page)

    def want(self, **changes: Any) -> None:
        self.wanted = replace(self.wanted, **changes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def get(self, path: str, key: str, **headers: str) -> httpx2.Response:
        return await self.request("GET", path, key, **headers)

    async def request(self, method: str, path: str, key: str, **headers: str) -> httpx2.Response:
        transport = httpx2.ASGITransport(self)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(
                method, path, headers={"authorization": f"Bearer {key}", **headers}
            )


@asynccontextmanager
async def server(**config: Any) -> AsyncIterator[Server]:
    async with open_room(admin_keys=(ADMIN,), **config) as room:
        yield Server(room)


async def test_keys_come_and_go():
    async with server(keys=(ANNA,)) as served:
        served.want(keys=(BEN,))
        served.reloading.reload()
        assert (await served.get("/v1/models", "sk-ben")).status_code == 200
        assert (await served.get("/v1/models", "sk-anna")).status_code == 401


async def test_client_secrets_go_with_their_key(tmp_path):
    async with server(keys=(ANNA,), home=tmp_path) as served:
        minted = await served.request("POST", "/v1/realtime/client_secrets", "sk-anna")
        secret = minted.json()["value"]
        assert (await served.get("/v1/antiphon/ice_servers", secret)).status_code == 200
        served.want(keys=(BEN,))
        served.reloading.reload()
        refusal = await served.get("/v1/antiphon/ice_servers", secret)
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_sessions_go_on_whatever_becomes_of_their_key():
    async with server(keys=(ANNA,)) as served:
        client = await served.room.enter()
        served.want(keys=(BEN,), instructions="Be brief.")
        served.reloading.reload()
        assert (await client.ask("Still there?"))["status"] == "completed"


async def test_what_sessions_begin_with_holds_for_the_next():
    async with server() as served:
        await served.room.enter()
        served.want(instructions="Be brief.")
        served.reloading.reload()
        preview = served.room.reception.openings.preview(Opening(model="antiphon"))
    assert isinstance(preview, RealtimeSession)
    assert preview.instructions == "Be brief."


async def test_limits_and_origins_hold_at_once():
    async with server(keys=(ANNA,)) as served:
        served.want(
            max_sessions=3,
            rate_limits=Limits(requests_per_minute=7),
            allow_origins=("https://app.example.org",),
        )
        served.reloading.reload()
        reception = served.room.reception
        assert reception.config.max_sessions == 3
        assert reception.admission.accounts.of("anna").limits.requests_per_minute == 7
        answer = await served.get("/v1/models", "sk-anna", origin="https://other.example.org")
        assert answer.status_code == 403


async def test_what_takes_a_restart_is_named_and_stays():
    async with server() as served:
        before = served.room.reception.config
        served.want(host="::1", models={"other": ModelChoice()}, max_sessions=3)
        reloaded = served.reloading.reload()
        assert set(reloaded.needs_restart) == {"host", "models"}
        assert reloaded.changed == ("max_sessions",)
        assert served.room.reception.config == replace(before, max_sessions=3)


async def test_a_server_that_others_reach_keeps_its_keys_until_it_has_left_their_reach():
    async with server(keys=(ANNA,), host="0.0.0.0") as served:
        served.want(keys=(), admin_keys=(), host="127.0.0.1")  # which holds after a restart only
        with pytest.raises(ConfigurationError, match="without an API key"):
            served.reloading.reload()
        assert served.room.reception.config.needs_key


async def test_a_server_that_needs_a_key_still_does_whatever_is_reloaded():
    async with server(keys=(ANNA,)) as served:
        served.want(keys=(), admin_keys=(), max_sessions=3)
        with pytest.raises(ConfigurationError, match="no API key any more"):
            served.reloading.reload()
        assert served.room.reception.config.max_sessions != 3
        assert (await served.get("/v1/models", "sk-none")).status_code == 401


def cannot_be_read() -> Config:
    message = "antiphon.toml: this is not TOML."
    raise ConfigurationError(message)


async def test_a_mistake_leaves_everything_as_it_was():
    async with server(keys=(ANNA,)) as served:
        reception = served.room.reception
        before = reception.config, reception.openings
        reloading = Reloading(
            cannot_be_read, reception, renew=lambda _: None, rebuild=lambda: pytest.fail("rebuilt")
        )
        with pytest.raises(ConfigurationError):
            reloading.reload()
        assert (reception.config, reception.openings) == before


async def test_a_certificate_that_cannot_be_used_leaves_everything_as_it_was():
    def refuse(_: Config) -> None:
        message = "The certificate cannot be used."
        raise ConfigurationError(message)

    async with server() as served:
        before = served.room.reception.config
        wanted = replace(before, max_sessions=3)
        reloading = Reloading(
            lambda: wanted, served.room.reception, renew=refuse, rebuild=served.rebuild
        )
        with pytest.raises(ConfigurationError, match="certificate"):
            reloading.reload()
        assert served.room.reception.config == before


async def test_an_administrator_reloads_by_the_api_and_sees_what_came_of_it():
    async with server(keys=(ANNA,)) as served:
        served.want(max_sessions=3, host="::1")
        assert (await served.request("POST", "/v1/antiphon/reload", "sk-anna")).status_code == 403
        answer = await served.request("POST", "/v1/antiphon/reload", ADMIN)
        assert answer.json() == {
            "object": "antiphon.reload",
            "changed": ["max_sessions"],
            "needs_restart": ["host"],
        }


async def test_each_field_is_one_that_a_configuration_has():
    assert {field.name for field in fields(Config)} >= CHANGEABLE
