"""The official SDK for Python against a server that relays: what holds without, holds with it."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType

import pytest
from openai import AsyncOpenAI

from antiphon.engines.scripted.script import Gate, Say, Script, Sound, SpeechStep, Take, WaitFor
from tests.clients import (
    test_openai_python,
    test_openai_python_interruption,
    test_openai_python_mcp,
)
from tests.support.relay import front_of, relaying
from tests.support.server import Served, running_server

MODULES = (test_openai_python, test_openai_python_interruption, test_openai_python_mcp)
PROMISES = [
    pytest.param(module, promise, id=name.removeprefix("test_"))
    for module in MODULES
    for name, promise in inspect.getmembers(module, inspect.iscoroutinefunction)
    if name.startswith("test_") and not inspect.signature(promise).parameters
]


@asynccontextmanager
async def relaying_server(script: Script | None = None, **config: object) -> AsyncIterator[Served]:
    """Run a server as the tests of the SDK want it, behind one that relays to it."""
    async with relaying(script, behind=config) as relay:
        front = relay.front
        yield Served(front.url, front.reception, front.stop, relay.behind.cast)


@pytest.mark.parametrize(("module", "promise"), PROMISES)
async def test_over_a_relay(module: ModuleType, promise, monkeypatch):
    monkeypatch.setattr(module, "running_server", relaying_server)
    await promise()


async def test_a_client_that_reconnects_finds_the_service_again():
    gate = Gate()
    speaks: Take[SpeechStep] = Take((Sound(600), WaitFor(gate)))
    script = Script(answers=(Take((Say("One two three."),)),), speeches=(speaks,))
    async with running_server(script) as first, running_server() as second:
        async with running_server(**front_of(first.url)) as front:
            async with front.sdk() as client:
                await client.write("Count.")
                await client.sdk.response.create()
                await gate.reached()
                first.stop()
                await client.until("response.done")
            with pytest.raises(AssertionError, match="upstream_unavailable"):
                async with front.sdk():
                    pass
        async with running_server(**front_of(second.url)) as front, front.sdk() as client:
            assert (await client.ask("Still there?"))["status"] == "completed"


async def test_a_client_secret_of_the_server_in_front_opens_a_session_behind_it(tmp_path):
    async with relaying(home=tmp_path, api_keys=("sk-front",)) as relay:
        async with AsyncOpenAI(base_url=f"{relay.front.url}/v1", api_key="sk-front") as own:
            secret = await own.realtime.client_secrets.create(
                session={"type": "realtime", "model": "antiphon", "instructions": "Be a pirate."}
            )
        assert secret.session.type == "realtime"
        assert secret.session.instructions == "Be a pirate."
        async with relay.front.sdk(api_key=secret.value) as client:
            session = client.frames[0]["session"]
            assert (session["model"], session["instructions"]) == ("antiphon", "Be a pirate.")
            assert (await client.ask("Who are you?"))["status"] == "completed"
