"""What the operator is told of a server while its engine is loaded."""

from __future__ import annotations

import pytest

from antiphon.engines.base import EngineSettings
from antiphon.engines.http import factories
from antiphon.errors import EngineError
from tests.support.openai_server import status


async def test_a_server_as_it_should_be(build, caplog):
    await build(factories.create_language_model)
    assert caplog.text == ""


async def test_a_model_that_is_not_there(build, caplog):
    await build(factories.create_language_model, model="parot-large")
    assert "lists no model 'parot-large', did you mean 'parrot-large'?" in caplog.text
    assert "(it has: parrot, parrot-large)" in caplog.text


async def test_a_model_that_is_like_no_other(build, caplog):
    await build(factories.create_language_model, model="gpt-4o")
    assert "lists no model 'gpt-4o' (it has: parrot, parrot-large)" in caplog.text


async def test_a_key_that_is_wrong(build, server, caplog):
    server.tell("/models", status(401))
    await build(factories.create_language_model, api_key="sk-secret")
    assert "set the option api_key" in caplog.text
    assert "sk-secret" not in caplog.text


@pytest.mark.parametrize("code", [404, 200])
async def test_a_server_that_lists_no_models_is_no_trouble(build, server, caplog, code):
    server.tell("/models", status(code, {"detail": "nothing here"}))
    await build(factories.create_language_model)
    assert caplog.text == ""


async def test_a_server_that_is_not_there_yet(build, caplog):
    engine = await build(factories.create_language_model, base_url="http://127.0.0.1:9/v1")
    assert engine.info.name == "elsewhere"
    assert "http://127.0.0.1:9/v1 is out of reach" in caplog.text


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "base_url"),
        ({"base_url": "http://x", "temperatur": 1}, "temperatur"),
        ({"base_url": "http://x", "rest_s": 0}, "rest_s"),
        ({"base_url": "http://[::1"}, "is no address"),
    ],
)
async def test_options_that_cannot_be_used(options, problem):
    with pytest.raises(EngineError, match=problem) as caught:
        factories.create_language_model(EngineSettings(name="elsewhere", options=options))
    assert caught.value.code == "invalid_options"
