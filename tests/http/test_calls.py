"""Calls by the routes that clients use, with a real client at the other end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest
from openai import AsyncOpenAI
from websockets.exceptions import InvalidStatus

from antiphon.config import IceServer, Limits, WebRtcChoice
from antiphon.runtime.calls import MAX_LISTENERS
from tests.support.client import PATIENCE_S, Client
from tests.support.server import Served, SocketClient, running_server
from tests.support.webrtc import Caller

OFFER = {"content-type": "application/sdp"}
ALICE, BOB = "alice-key", "bob-key"


class Telephone(Client):
    """A client of the routes, with aiortc.

    Attributes:
        caller: Its media.
        answered: What the server answered the offer with.
    """

    def __init__(self, caller: Caller, answered: httpx2.Response) -> None:
        super().__init__()
        self.caller = caller
        self.answered = answered
        self._taken = 0

    @property
    def call_id(self) -> str:
        return self.answered.headers["location"].rpartition("/")[2]

    async def _receive(self) -> str:
        await self.caller.until(lambda: len(self.caller.messages) > self._taken)
        self._taken += 1
        return self.caller.messages[self._taken - 1]

    async def send_raw(self, frame: str | bytes) -> None:
        await self.caller.open()
        self.caller.send(frame)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@asynccontextmanager
async def calling(
    server: Served, path: str = "/v1/realtime/calls", key: str = "any"
) -> AsyncIterator[Telephone]:
    """Call with the offer as the body, and wait for ``session.created``."""
    caller = Caller()
    try:
        offer = (await caller.offer()).encode()
        answer = await server.request("POST", path, headers=OFFER | bearer(key), content=offer)
        assert answer.status_code == 201, answer.text
        await caller.take(answer.text)
        client = Telephone(caller, answer)
        await client.until("session.created")
        yield client
    finally:
        await caller.aclose()


async def secret_of(sdk: AsyncOpenAI, instructions: str = "Be kind.") -> str:
    """Have a client secret made."""
    created = await sdk.realtime.client_secrets.create(
        session={"type": "realtime", "instructions": instructions}
    )
    return created.value


# --- opening a call -------------------------------------------------------------------------------


async def test_a_browser_calls_with_an_offer_and_a_client_secret():
    async with running_server(api_keys=(ALICE,)) as server:
        async with server.openai(ALICE) as sdk:
            secret = await secret_of(sdk, instructions="Be brief.")
        async with calling(server, key=secret) as client:
            session = client.of("session.created")[0]["session"]
            response = await client.ask("Hello?")
            await client.until("output_audio_buffer.stopped")
    assert session["instructions"] == "Be brief."
    assert response["status"] == "completed"
    assert client.answered.headers["location"] == f"/v1/realtime/calls/{client.call_id}"
    assert client.call_id.startswith("rtc_")


async def test_the_sdk_calls_with_a_form():
    caller = Caller()
    async with running_server() as server, server.openai() as sdk:
        try:
            answer = await sdk.realtime.calls.with_raw_response.create(
                sdp=await caller.offer(),
                session={"type": "realtime", "instructions": "Be brief.", "model": "gpt-9"},
            )
            await caller.take(answer.text)
            await caller.until(lambda: bool(caller.messages))
            call_id = answer.headers["location"].rpartition("/")[2]
            await sdk.realtime.calls.hangup(call_id)
            await caller.until(lambda: caller.connection.connectionState == "closed")
            await server.wait_until_empty()
        finally:
            await caller.aclose()
    session = json.loads(caller.messages[0])["session"]
    assert (session["instructions"], session["model"]) == ("Be brief.", "gpt-9")


async def test_a_form_may_have_its_parts_as_files():
    caller = Caller()
    async with running_server() as server, httpx2.AsyncClient(base_url=server.url) as http:
        files = {"sdp": ("offer.sdp", await caller.offer(), "application/sdp")}
        answer = await http.post("/v1/realtime/calls", files=files)
    await caller.aclose()
    assert answer.status_code == 201


async def test_clients_of_the_beta_call_at_the_old_address():
    async with (
        running_server() as server,
        calling(server, "/v1/realtime?model=gpt-4o-realtime") as client,
    ):
        assert client.of("session.created")[0]["session"]["model"] == "gpt-4o-realtime"


async def test_pages_may_read_where_the_call_is():
    headers = OFFER | {"origin": "http://localhost:3000"}
    preflight = {
        "origin": "http://localhost:3000",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-openai-agents-sdk",
    }
    caller = Caller()
    async with running_server() as server:
        allowed = await server.request("OPTIONS", "/v1/realtime/calls", headers=preflight)
        answer = await server.request(
            "POST",
            "/v1/realtime/calls",
            headers=headers,
            content=(await caller.offer()).encode(),
        )
        refused = await server.request(
            "POST", "/v1/realtime/calls", headers=OFFER | {"origin": "https://evil.example"}
        )
    await caller.aclose()
    assert allowed.status_code == 200
    assert "Location" in answer.headers["access-control-expose-headers"]
    assert refused.status_code == 403


# --- calls that do not come about -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        (OFFER, b"hello", 400, "invalid_offer"),
        (OFFER, b"", 400, "invalid_offer"),
        ({"content-type": "application/json"}, b"{}", 415, None),
        (OFFER, b"v" * (2 << 20), 413, None),
        (OFFER | bearer("wrong"), b"v=0", 401, "invalid_api_key"),
    ],
)
async def test_what_is_no_offer_is_refused_with_a_reason(headers, content, status, code):
    headers = bearer(ALICE) | headers
    async with running_server(api_keys=(ALICE,)) as server:
        answer = await server.request(
            "POST", "/v1/realtime/calls", headers=headers, content=content
        )
        assert server.reception.open_sessions == 0
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["message"]


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ({"session": '{"type": "realtime"}'}, "sdp"),
        ({"sdp": "v=0", "session": '{"type": "realtime", "audio": 1}'}, "session.audio"),
        ({"sdp": "v=0", "session": "{"}, None),
    ],
)
async def test_a_form_that_says_nothing_sensible_is_refused(parts, param):
    files = {name: (None, value) for name, value in parts.items()}
    async with running_server() as server, httpx2.AsyncClient(base_url=server.url) as http:
        answer = await http.post("/v1/realtime/calls", files=files)
    assert answer.status_code == 400
    if param is not None:
        assert answer.json()["error"]["param"] == param


async def test_a_client_secret_says_what_the_session_is():
    async with (
        running_server() as server,
        server.openai() as sdk,
        httpx2.AsyncClient(base_url=server.url) as http,
    ):
        files = {"sdp": (None, "v=0"), "session": (None, '{"type": "realtime"}')}
        headers = bearer(await secret_of(sdk))
        answer = await http.post("/v1/realtime/calls", files=files, headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "session")


async def test_a_full_server_says_when_to_call_again():
    caller = Caller()
    async with running_server(max_sessions=1) as server, calling(server):
        offer = (await caller.offer()).encode()
        answer = await server.request("POST", "/v1/realtime/calls", headers=OFFER, content=offer)
    await caller.aclose()
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["error"]["code"] == "server_full"


async def test_calls_that_come_at_once_are_no_more_than_a_key_may_have():
    caller = Caller()
    statuses: list[int] = []
    async with running_server(rate_limits=Limits(max_sessions=1)) as server:
        offer = (await caller.offer()).encode()

        async def call() -> None:
            answer = await server.request(
                "POST", "/v1/realtime/calls", headers=OFFER, content=offer
            )
            statuses.append(answer.status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(call)
    await caller.aclose()
    assert sorted(statuses) == [201, 429, 429]


@pytest.mark.parametrize(
    "path",
    ["calls/rtc_1/accept", "calls/rtc_1/reject", "calls/rtc_1/refer", "translations/calls"],
)
async def test_calls_of_other_kinds_are_not_built(path):
    async with running_server() as server:
        answer = await server.request("POST", f"/v1/realtime/{path}", json={})
    assert answer.status_code == 501
    assert answer.json()["error"]["code"] == "not_implemented"
    assert "SIP" in answer.json()["error"]["message"]


# --- attaching to a call --------------------------------------------------------------------------


async def test_all_who_are_attached_see_everything_and_any_may_speak():
    async with running_server() as server, calling(server) as caller:
        path = f"/v1/realtime?call_id={caller.call_id}"
        async with server.socket(path) as one, server.socket(path) as other:
            await one.update(instructions="Be brief.")
            await other.until("session.updated")
            await one.write("Hello?")
            await other.send("response.create")
            for client in (caller, one, other):
                await client.until("output_audio_buffer.stopped")
    assert one.frames == other.frames
    assert caller.frames[1:] == one.frames
    assert one.frames[0]["type"] == "session.updated"


async def test_who_detaches_leaves_the_call_alone():
    async with running_server() as server, calling(server) as caller:
        async with server.socket(f"/v1/realtime?call_id={caller.call_id}") as attached:
            await attached.write("Hello?")
        assert (await caller.ask("Still there?"))["status"] == "completed"


async def test_the_end_of_the_call_is_told_to_all():
    async with running_server() as server, calling(server) as caller:
        async with server.socket(f"/v1/realtime?call_id={caller.call_id}") as attached:
            await attached.write("Hello?")
            hung_up = await server.request("POST", f"/v1/realtime/calls/{caller.call_id}/hangup")
            assert await attached.closed() == (1000, "The call has ended.")
        await server.wait_until_empty()
    assert (hung_up.status_code, hung_up.content) == (200, b"")


async def test_a_call_has_room_for_so_many():
    async with running_server() as server, calling(server) as caller:
        path = f"/v1/realtime?call_id={caller.call_id}"
        async with anyio.create_task_group() as tasks:
            leave = anyio.Event()
            attached: list[SocketClient] = []
            full = anyio.Event()

            async def attach() -> None:
                async with server.socket(path) as client:
                    attached.append(client)
                    if len(attached) == MAX_LISTENERS:
                        full.set()
                    await leave.wait()

            for _ in range(MAX_LISTENERS):
                tasks.start_soon(attach)
            with anyio.fail_after(PATIENCE_S):
                await full.wait()
            with pytest.raises(InvalidStatus) as refusal:
                async with server.socket(path):
                    pass
            leave.set()
    assert refusal.value.response.status_code == 429


async def test_unknown_calls_are_not_found():
    async with running_server() as server:
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket("/v1/realtime?call_id=rtc_gone"):
                pass
        answer = await server.request("POST", "/v1/realtime/calls/rtc_gone/hangup")
    assert refusal.value.response.status_code == 404
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "call_not_found"


async def test_calls_belong_to_the_key_that_opened_them():
    async with running_server(api_keys=(ALICE, BOB)) as server:
        async with server.openai(ALICE) as sdk:
            secret = await secret_of(sdk)
        async with calling(server, key=secret) as caller:
            path = f"/v1/realtime?call_id={caller.call_id}"
            for key, status in ((BOB, 404), (secret, 401)):
                with pytest.raises(InvalidStatus) as refusal:
                    async with server.socket(path, headers=bearer(key)):
                        pass
                assert refusal.value.response.status_code == status
                hang_up = f"/v1/realtime/calls/{caller.call_id}/hangup"
                refused = await server.request("POST", hang_up, headers=bearer(key))
                assert refused.status_code == status
            async with server.socket(path, headers=bearer(ALICE)) as attached:
                await attached.write("Hello?")


# --- reaching the server --------------------------------------------------------------------------


async def test_clients_are_told_of_ice_servers_as_they_take_them():
    turn = IceServer(urls=("turn:turn.example.org",), username="caller", credential="fjord")
    stun = IceServer(urls=("stun:stun.example.org",))
    async with running_server(
        api_keys=(ALICE,), webrtc=WebRtcChoice(ice_servers=(turn, stun))
    ) as server:
        async with server.openai(ALICE) as sdk:
            secret = await secret_of(sdk)
        path = "/v1/antiphon/ice_servers"
        told = [await server.request("GET", path, headers=bearer(key)) for key in (ALICE, secret)]
        refused = await server.request("GET", path)
    for answer in told:
        assert answer.json() == {
            "iceServers": [
                {"urls": ["turn:turn.example.org"], "username": "caller", "credential": "fjord"},
                {"urls": ["stun:stun.example.org"]},
            ]
        }
    assert refused.status_code == 401
