"""The engines are found by the names of their entry points."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import pytest

from antiphon.engines.base import EngineSettings
from antiphon.engines.http import factories
from antiphon.errors import EngineError
from tests.support.openai_server import MODELS


@pytest.mark.parametrize("role", ["transcriber", "language_model", "synthesizer"])
async def test_an_engine_for_each_role(server, role):
    name = f"http-{role.replace('_', '-')}"
    (entry_point,) = entry_points(group="antiphon.engines", name=name)
    options = {"base_url": server.url, "model": MODELS[0]}
    engine = entry_point.load()(EngineSettings(name="elsewhere", options=options))
    assert (engine.info.name, engine.info.role) == ("elsewhere", role)
    assert not engine.info.remote, "it is on this machine"
    await engine.aclose()


def test_without_the_client_library(server, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(EngineError, match=r"install antiphon\[http\]") as caught:
        factories.create_transcriber(EngineSettings(name="elsewhere"))
    assert caught.value.code == "not_installed"
