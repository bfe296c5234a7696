from __future__ import annotations

import json

import anyio
import pytest
from websockets.exceptions import InvalidStatus

from antiphon.config import ApiKey, Limits, hash_line
from antiphon.core.prompts import StoredPrompt
from antiphon.runtime.admission import RETRY_AFTER_S
from tests.support.models import TWO_MODELS
from tests.support.server import SocketClient, running_server


@pytest.mark.parametrize("path", ["/v1/realtime", "/realtime"])
async def test_a_session_opens_with_and_without_v1(path):
    async with running_server() as server, server.socket(f"{path}?model=antiphon") as client:
        session = (await client.next())["session"]
    assert client.frames[0]["type"] == "session.created"
    assert session["model"] == "antiphon"
    assert session["id"].startswith("sess_")


async def test_any_model_name_is_accepted_and_reported_back():
    async with running_server() as server, server.socket("/v1/realtime?model=gpt-9") as client:
        session = (await client.until("session.created"))["session"]
        response = await client.ask("Hello?")
    assert session["model"] == "gpt-9"
    assert response["status"] == "completed"


async def test_without_a_model_the_default_answers():
    async with (
        running_server(models=TWO_MODELS) as server,
        server.socket() as client,
    ):
        assert (await client.until("session.created"))["session"]["model"] == "first"


async def test_a_strict_server_refuses_models_it_does_not_have():
    async with (
        running_server(models=TWO_MODELS, strict_models=True) as server,
        server.socket("/v1/realtime?model=third") as client,
    ):
        error = (await client.until("error"))["error"]
        assert await client.closed() == (4000, "invalid_request_error.model_not_found")
    assert error["param"] == "model"
    assert "`third` does not exist here. Models are: first, second." in error["message"]


async def test_a_full_server_says_when_to_come_back():
    async with running_server(max_sessions=1) as server:
        async with server.socket() as client:
            await client.until("session.created")
            with pytest.raises(InvalidStatus) as refusal:
                async with server.socket():
                    pass
        response = refusal.value.response
        assert response.status_code == 503
        assert response.headers["retry-after"] == str(RETRY_AFTER_S)
        error = json.loads(response.body)["error"]
        assert (error["type"], error["code"]) == ("server_error", "server_full")
        await server.wait_until_empty()
        async with server.socket() as client:
            await client.until("session.created")


async def test_of_many_who_come_at_once_only_as_many_are_let_in_as_there_is_room_for():
    admitted: list[SocketClient] = []
    refused: list[int] = []
    leave = anyio.Event()
    decided = anyio.Event()

    async def knock(server) -> None:
        try:
            async with server.socket() as client:
                await client.until("session.created")
                admitted.append(client)
                if len(admitted) + len(refused) == 10:
                    decided.set()
                await leave.wait()
        except InvalidStatus as refusal:
            refused.append(refusal.response.status_code)
            if len(admitted) + len(refused) == 10:
                decided.set()

    async with running_server(max_sessions=3) as server, anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(knock, server)
        await decided.wait()
        assert server.reception.open_sessions == 3
        leave.set()
    assert refused == [503] * 7


BETA_CLIENTS = [
    ({"OpenAI-Beta": "realtime=v1"}, ()),
    ({"OpenAI-Beta": "assistants=v2, realtime=v1"}, ()),
    ({}, ("realtime", "openai-beta.realtime-v1")),
]


@pytest.mark.parametrize(("headers", "subprotocols"), BETA_CLIENTS)
async def test_the_beta_protocol_is_refused_as_the_hosted_service_does(headers, subprotocols):
    async with (
        running_server() as server,
        server.socket(headers=headers, subprotocols=subprotocols) as client,
    ):
        error = (await client.until("error"))["error"]
        assert await client.closed() == (4000, "invalid_request_error.beta_api_shape_disabled")
    assert error["message"] == (
        "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
    )


@pytest.mark.parametrize(("headers", "subprotocols"), BETA_CLIENTS)
async def test_the_beta_protocol_is_spoken_if_the_operator_says_so(headers, subprotocols):
    async with (
        running_server(beta_dialect=True) as server,
        server.socket(headers=headers, subprotocols=subprotocols) as client,
    ):
        assert client.socket.subprotocol == ("realtime" if subprotocols else None)
        created = json.loads(await client.socket.recv())
        announced = json.loads(await client.socket.recv())
    assert created["type"] == "session.created"
    assert created["session"]["input_audio_format"] == "pcm16"
    assert announced["type"] == "conversation.created"


async def test_who_does_not_ask_for_the_beta_protocol_does_not_get_it():
    async with running_server(beta_dialect=True) as server, server.sdk() as client:
        response = await client.ask("Hello?")
    assert response["output"][0]["content"][0]["type"] == "output_audio"
    assert not client.of("conversation.created")


async def test_a_beta_client_may_have_speech_transcribed():
    headers = {"OpenAI-Beta": "realtime=v1"}
    async with (
        running_server(beta_dialect=True) as server,
        server.socket("/v1/realtime?intent=transcription", headers=headers) as client,
    ):
        created = json.loads(await client.socket.recv())
        session = {"input_audio_format": "g711_ulaw", "turn_detection": None}
        await client.send("transcription_session.update", session=session)
        updated = json.loads(await client.socket.recv())
    assert created["type"] == "transcription_session.created"
    assert created["session"]["input_audio_format"] == "pcm16"
    assert updated["type"] == "transcription_session.updated"
    assert {name: updated["session"][name] for name in session} == session


async def test_a_transcription_session_takes_no_model():
    query = "intent=transcription&model=antiphon"
    async with running_server() as server, server.socket(f"/v1/realtime?{query}") as client:
        error = (await client.until("error"))["error"]
        code, _ = await client.closed()
    assert code == 4000
    assert error["param"] == "model"


async def test_all_sessions_of_a_key_share_its_limits_also_those_of_its_client_secrets():
    limits = Limits(requests_per_minute=2)
    keys = (
        ApiKey(name="kiosk", hash=hash_line("sk-kiosk"), rate_limits=limits),
        ApiKey(name="tests", hash=hash_line("sk-tests")),
    )
    kiosk, tests = ({"Authorization": f"Bearer sk-{name}"} for name in ("kiosk", "tests"))
    async with running_server(keys=keys) as server:
        minted = await server.request("POST", "/v1/realtime/client_secrets", headers=kiosk, json={})
        secret = {"Authorization": f"Bearer {minted.json()['value']}"}
        async with (
            server.socket(headers=kiosk) as one,
            server.socket(headers=secret) as another,
            server.socket(headers=tests) as stranger,
        ):
            for client, left in ((one, 1), (another, 0)):
                assert (await client.ask("Hello?"))["status"] == "completed"
                (figures,) = (await client.until("rate_limits.updated"))["rate_limits"]
                assert (figures["name"], figures["limit"]) == ("requests", 2)
                assert figures["remaining"] == left
            refused = await one.ask("Hello again?")
            assert refused["status"] == "failed"
            error = refused["status_details"]["error"]
            assert error["code"] == "inference_rate_limit_exceeded"
            assert "Please try again in " in error["message"]
            assert (await stranger.ask("Hello?"))["status"] == "completed"
            await stranger.update(instructions="Go on.")
            assert stranger.of("rate_limits.updated") == []


async def test_a_client_secret_can_hold_a_stored_prompt():
    prompts = {"greeter": StoredPrompt(instructions="Greet for {{shop}}.")}
    prompt = {"id": "greeter", "variables": {"shop": {"type": "input_text", "text": "us"}}}
    async with running_server(prompts=prompts) as server:
        body = {"session": {"type": "realtime", "prompt": prompt}}
        minted = (await server.request("POST", "/v1/realtime/client_secrets", json=body)).json()
        assert minted["session"]["instructions"] == "Greet for us."
        headers = {"Authorization": f"Bearer {minted['value']}"}
        async with server.socket(headers=headers) as client:
            session = (await client.until("session.created"))["session"]
    assert session["prompt"] == prompt
    assert session["instructions"] == "Greet for us."


async def test_an_upgrade_elsewhere_is_refused():
    async with running_server() as server:
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket("/v1/elsewhere"):
                pass
    assert refusal.value.response.status_code == 403
