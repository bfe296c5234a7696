from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from antiphon.config import Config
from antiphon.engines.catalogue import builtin_catalogue
from antiphon.engines.thinking import GenerationRequest
from antiphon.errors import ConfigurationError, EngineError, WeightsError
from antiphon.http.server import load_engines, open_listener
from tests.support.server import running_server, serving

SCRIPTED: dict[str, Any] = {
    "transcriber": "scripted",
    "language_model": "scripted",
    "synthesizer": "scripted",
    "voice_detector": "scripted",
}


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


async def test_the_engines_of_the_configuration_are_loaded_and_closed(tmp_path):
    script = tmp_path / "script.toml"
    script.write_text('sentence = "Good morning."')
    config = Config(home=tmp_path, script=script, **SCRIPTED)
    async with load_engines(config) as engines:
        assert engines.transcriber.info.role == "transcriber"
        assert engines.language_model.info.name == "scripted"
        assert engines.voices[:3] == ("alto", "tenor", "bass")
    with pytest.raises(EngineError, match="scripted is closed"):
        await anext(engines.language_model.generate(GenerationRequest(messages=())))


async def test_the_server_starts_without_the_weights_of_its_turn_predictor(tmp_path, caplog):
    async with (
        load_engines(Config(home=tmp_path, **SCRIPTED)) as engines,
        serving(engines) as server,
    ):
        assert engines.turn_predictor is None
        assert (await server.request("GET", "/health")).status_code == 200
    (warning,) = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert warning.startswith("no turn predictor: The weights of")
    assert "antiphon models fetch" in warning


async def test_a_turn_predictor_that_was_asked_for_has_to_be_there(tmp_path):
    name = builtin_catalogue().default("turn_predictor").name
    config = Config(home=tmp_path, turn_predictor=name, **SCRIPTED)
    with pytest.raises(WeightsError, match=f"antiphon models fetch {name}"):
        async with load_engines(config):
            pass


async def test_an_engine_that_cannot_be_loaded_is_named(tmp_path):
    config = Config(home=tmp_path, **{**SCRIPTED, "synthesizer": "nobody"})
    with pytest.raises(ConfigurationError, match="no synthesizer named 'nobody'"):
        async with load_engines(config):
            pass


async def test_the_operators_names_of_voices_have_to_stand_for_voices(tmp_path):
    async with load_engines(Config(home=tmp_path, voices={"alloy": "bass"}, **SCRIPTED)) as engines:
        assert engines.voice_named("alloy") == "bass"
    with pytest.raises(ConfigurationError, match="'alloy' is to be spoken by 'nobody'"):
        async with load_engines(Config(home=tmp_path, voices={"alloy": "nobody"}, **SCRIPTED)):
            pass
