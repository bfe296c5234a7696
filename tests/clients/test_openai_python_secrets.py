"""The official SDK makes client secrets, and connects with them."""

from __future__ import annotations

import pytest
from openai import AuthenticationError, BadRequestError

from tests.support.server import running_server

KEY = "sk-one"


async def test_a_secret_that_the_sdk_makes_opens_a_session_of_the_sdk(tmp_path):
    async with running_server(api_keys=(KEY,), home=tmp_path) as server, server.openai(KEY) as own:
        secret = await own.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={"type": "realtime", "instructions": "Be a pirate."},
        )
        assert secret.session.type == "realtime"
        assert secret.session.instructions == "Be a pirate."
        async with server.sdk(api_key=secret.value) as client:
            assert client.frames[0]["session"]["instructions"] == "Be a pirate."
            response = await client.ask("Who are you?")
    assert response["status"] == "completed"


async def test_a_browser_connects_with_a_secret_as_the_node_sdk_does(tmp_path):
    async with running_server(api_keys=(KEY,), home=tmp_path) as server, server.openai(KEY) as own:
        secret = await own.realtime.client_secrets.create(
            session={"type": "realtime", "output_modalities": ["text"]}
        )
        offered = ("realtime", f"openai-insecure-api-key.{secret.value}")
        page = {"Origin": "https://app.example.org"}
        async with server.socket(
            "/v1/realtime?model=gpt-realtime", headers=page, subprotocols=offered
        ) as client:
            session = (await client.until("session.created"))["session"]
            assert client.socket.subprotocol == "realtime"
    assert session["output_modalities"] == ["text"]


async def test_the_sdk_is_told_which_setting_is_wrong(tmp_path):
    async with running_server(home=tmp_path) as server, server.openai() as own:
        with pytest.raises(BadRequestError) as refusal:
            await own.realtime.client_secrets.create(
                session={"type": "realtime", "audio": {"output": {"speed": 9}}}
            )
    assert refusal.value.param == "session.audio.output.speed"


async def test_a_secret_makes_no_secrets(tmp_path):
    async with running_server(api_keys=(KEY,), home=tmp_path) as server, server.openai(KEY) as own:
        secret = await own.realtime.client_secrets.create()
        async with server.openai(secret.value) as guest:
            with pytest.raises(AuthenticationError, match="only opens sessions"):
                await guest.realtime.client_secrets.create()


async def test_the_sdk_makes_translation_secrets(tmp_path):
    async with running_server(home=tmp_path) as server, server.openai() as own:
        secret = await own.realtime.translations.client_secrets.create(
            session={"model": "translator", "audio": {"output": {"language": "es"}}}
        )
    assert secret.value.startswith("ek_")
    output = secret.session.audio.output
    assert output is not None
    assert output.language == "es"
