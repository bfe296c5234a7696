"""Engines that mean the same server share it."""

from __future__ import annotations

import asyncio

import openai
import pytest

from antiphon.core.plan import ChatMessage
from antiphon.engines.conformance import events_of
from antiphon.engines.http import factories
from antiphon.engines.http.options import ServerOptions
from antiphon.engines.http.server import lend_server
from antiphon.engines.thinking import GenerationRequest
from antiphon.errors import EngineError
from tests.support.openai_server import MODELS, openai_server, status


@pytest.fixture
async def lend(server):
    lent = []

    def lend(base_url=server.url, **options):
        lent.append(lend_server(ServerOptions(base_url=base_url, **options)))
        return lent[-1]

    yield lend
    for one in lent:
        await one.give_back()


async def test_the_same_address_key_and_headers_are_the_same_server(lend, server):
    one = lend(api_key="one", headers={"a": "b"})
    assert lend(f"{server.url}/", api_key="one", headers={"a": "b"}, model="x") is one
    assert lend(api_key="one") is not one
    assert lend(api_key="other", headers={"a": "b"}) is not one
    assert lend("http://127.0.0.1:9/v1", api_key="one", headers={"a": "b"}) is not one


async def test_the_last_engine_closes_its_connections(server):
    options = ServerOptions(base_url=server.url)
    one, other = lend_server(options), lend_server(options)
    await one.give_back()
    assert await other.find_models() == MODELS
    await other.give_back()
    other.models = None
    with pytest.raises((openai.OpenAIError, RuntimeError)):
        await other.find_models()
    anew = lend_server(options)
    assert await anew.find_models() == MODELS
    await anew.give_back()


async def test_a_server_is_asked_for_its_models_once(lend, server):
    one = lend()
    assert one.look_up_models() == await one.find_models() == MODELS
    assert len(server.asked_for("/models")) == 1


async def test_a_key_of_the_environment_is_not_sent(lend, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-somebody-else")
    one = lend()
    one.look_up_models()
    one.models = None
    await one.find_models()
    sent = [asked.headers["authorization"] for asked in server.asked]
    assert sent == ["Bearer none-needed"] * 2


async def test_a_redirect_is_not_followed(build, server, caplog):
    """The key, the headers and the conversation would go along."""
    with openai_server() as elsewhere:
        place = elsewhere.url.replace("://", "://user:secret@")
        moved = status(307, Location=f"{place}/chat/completions?key=secret")
        server.tell("/models", status(307, Location=f"{place}/models?key=secret"))
        server.tell("/chat/completions", moved)
        model = await build(factories.create_language_model, headers={"api-key": "secret"})
        with pytest.raises(EngineError) as caught:
            await events_of(
                model.generate(GenerationRequest(messages=(ChatMessage("user", "Hi"),)))
            )
        assert elsewhere.asked == []
    assert caught.value.retryable, "a fallback may answer"
    port = elsewhere.url.split(":")[-1]
    for page in ("models", "chat/completions"):
        masked = f"http://user:********@127.0.0.1:{port}/{page}"
        assert (
            f"answers 307 and points to {masked}: is that what base_url should be?" in caplog.text
        )
    assert "secret" not in caplog.text
    assert "127.0.0.1" not in caught.value.message


async def test_a_form_is_sent_as_one_piece(lend):
    read: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not b"".join(read).endswith(b"--\r\n"):
            read.append(await reader.read(1 << 16))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        host, port = listening.sockets[0].getsockname()
        client = lend(f"http://{host}:{port}/v1").client
        await client.post(
            "/audio/transcriptions",
            body={f"field_{number}": "value" for number in range(20)},
            files=[("file", ("speech.wav", bytes(20_000), "audio/wav"))],
            options={"headers": {"Content-Type": "multipart/form-data"}},
            cast_to=object,
        )
    assert len(read) <= 2  # the head and the form
