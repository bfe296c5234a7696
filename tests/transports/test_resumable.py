"""Sessions that outlive their connections, over real sockets."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import anyio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from antiphon.config import ApiKey, hash_line
from antiphon.config.keys import digest_of, name_of
from antiphon.engines.scripted.script import Say, Script, Take
from antiphon.http.client_secrets import ClientSecrets, SessionGrant
from antiphon.wire.session import RealtimeSessionUpdate
from tests.support.client import PATIENCE_S
from tests.support.relay import relaying
from tests.support.server import Server, running_server
from tests.support.wire_cutter import wire_cutter

GUIDE = Path(__file__).parents[2] / "docs" / "resuming.md"
RESUMABLE = "/v1/realtime?model=antiphon&resume=1"


async def frame_of(socket: Any) -> dict[str, Any]:
    with anyio.fail_after(PATIENCE_S):
        frame: dict[str, Any] = json.loads(await socket.recv())
        return frame


def way_back(created: dict[str, Any], **other: str) -> str:
    """The address at which the client of a session comes back."""
    query = {
        "resume": created["session"]["id"],
        "resume_token": created["antiphon"]["resume_token"],
        "last_event_id": created["event_id"],
        **other,
    }
    return "/v1/realtime?" + "&".join(f"{name}={value}" for name, value in query.items())


def socket_to(server: Server, path: str, key: str = "any", **options: Any) -> connect:
    headers = {"Authorization": f"Bearer {key}"} | options.pop("headers", {})
    return connect(
        f"ws{server.url.removeprefix('http')}{path}", additional_headers=headers, **options
    )


async def broken(server: Server, path: str = RESUMABLE, **options: Any) -> dict[str, Any]:
    """Open a session, and lose the connection; return ``session.created``."""
    async with socket_to(server, path, **options) as socket:
        created = await frame_of(socket)
        socket.transport.abort()
    return created


async def test_nobody_is_told_of_it_who_has_not_asked():
    async with running_server() as server, socket_to(server, "/v1/realtime") as socket:
        assert "antiphon" not in await frame_of(socket)


async def test_a_client_comes_back_with_the_same_key_and_no_other():
    keys = tuple(ApiKey(name=one, hash=hash_line(f"sk-{one}")) for one in ("anna", "ben"))
    async with running_server(keys=keys) as server:
        created = await broken(server, key="sk-anna")
        async with socket_to(server, way_back(created), key="sk-ben") as socket:
            refusal = await frame_of(socket)
            assert refusal["error"]["code"] == "session_not_found"
            await socket.wait_closed()
            assert socket.close_code == 4000
        async with socket_to(server, way_back(created), key="sk-anna") as socket:
            resumed = await frame_of(socket)
            assert resumed["type"] == "antiphon.session.resumed"
            assert resumed["session_id"] == created["session"]["id"]
        await server.wait_until_empty()


async def test_no_token_is_logged_though_it_comes_in_an_address(caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="antiphon")  # servers may have set it before
    async with running_server() as server:
        created = await broken(server)
        async with socket_to(server, way_back(created)) as socket:
            resumed = await frame_of(socket)
    by_client = "websockets.client"
    logged = "".join(one.getMessage() for one in caplog.records if one.name != by_client)
    assert created["session"]["id"] in logged
    for event in (created, resumed):
        assert event["antiphon"]["resume_token"] not in logged


async def test_all_kinds_of_sessions_can_be_resumed():
    paths = (
        "/v1/realtime?intent=transcription&resume=1",
        "/v1/realtime/translations?resume=1",
    )
    async with running_server() as server:
        for path in paths:
            created = await broken(server, path)
            async with socket_to(server, way_back(created)) as socket:
                assert (await frame_of(socket))["session_id"] == created["session"]["id"]
        await server.wait_until_empty()


async def test_a_session_of_a_service_upstream_can_be_resumed():
    async with relaying() as relay:
        created = await broken(relay.front)
        async with socket_to(relay.front, way_back(created)) as socket:
            assert (await frame_of(socket))["session_id"] == created["session"]["id"]
            await socket.send(json.dumps({"type": "input_audio_buffer.clear"}))
            assert (await frame_of(socket))["type"] == "input_audio_buffer.cleared"


async def test_a_client_comes_back_with_a_secret_that_has_expired_since():
    async with running_server(api_keys=("sk-one",)) as server:
        secrets = ClientSecrets(server.reception.config.home)
        grant = SessionGrant(
            expires_at=secrets.expiry(1),
            settings=RealtimeSessionUpdate(),
            key_name=name_of("key", digest_of("sk-one")),
        )
        secret = secrets.mint(grant)
        created = await broken(server, key=secret)
        with anyio.fail_after(PATIENCE_S):
            while (await refusal_of(server, secret)) is None:  # noqa: ASYNC110 (time has to pass)
                await anyio.sleep(0.1)
        async with socket_to(server, way_back(created), key=secret) as socket:
            assert (await frame_of(socket))["type"] == "antiphon.session.resumed"


async def refusal_of(server: Server, key: str) -> int | None:
    """The status with which a new session is refused; ``None`` if it is not."""
    try:
        async with socket_to(server, "/v1/realtime", key=key):
            return None
    except InvalidStatus as refusal:
        return refusal.response.status_code


async def test_a_full_server_takes_its_own_clients_back():
    async with running_server(max_sessions=1) as server:
        created = await broken(server)
        async with socket_to(server, way_back(created)) as socket:
            assert (await frame_of(socket))["type"] == "antiphon.session.resumed"


async def test_a_client_that_closes_without_a_code_is_not_waited_for():
    async with running_server() as server:
        async with socket_to(server, RESUMABLE) as socket:
            await frame_of(socket)
            await socket.close()
        await server.wait_until_empty()


def session_of_the_guide() -> Any:
    """The client that the guide shows."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["Session"]


async def test_the_client_of_the_guide_has_its_conversation_over_a_line_that_breaks():
    words = "One two three four five six seven eight nine ten."
    script = Script(answers=(Take((Say(words, every_ms=30),)),))
    async with running_server(script) as server, wire_cutter(server.url) as line:
        url = f"ws://127.0.0.1:{line.port}/v1/realtime"
        session, seen = session_of_the_guide()(url, "any"), []
        with anyio.fail_after(PATIENCE_S):
            async for event in session.events():
                seen.append(event)
                if event["type"] == "session.created":
                    line.cut()
                    await session.send(type="response.create")
                if event["type"] == "response.output_audio_transcript.delta":
                    line.cut()
                if event["type"] == "response.done":
                    break
    ids = [event["event_id"] for event in seen]
    assert len(set(ids)) == len(ids)
    deltas = [
        one["delta"] for one in seen if one["type"] == "response.output_audio_transcript.delta"
    ]
    assert "".join(deltas) == words
    assert seen[-1]["response"]["status"] == "completed"
