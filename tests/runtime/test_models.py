from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.config import Config, ModelChoice
from antiphon.errors import ConfigurationError
from antiphon.runtime.models import Models
from antiphon.runtime.reception import open_reception
from tests.support.cast import make_cast
from tests.support.server import running_server

SINGING = {
    "instructions": "Sing.",
    "tools": [{"type": "function", "name": "hum"}],
    "audio": {"input": {"turn_detection": "none"}, "output": {"voice": "bass", "speed": 1.2}},
}


def models_of(**models: ModelChoice) -> Models:
    config = Config(home=Path("unused"), models=models)
    engines = make_cast().engines
    return Models(config, lambda _: engines)


def test_a_model_is_found_by_any_of_its_names():
    models = models_of(first=ModelChoice(aliases=("eins",)), second=ModelChoice())
    assert models.names == ("first", "eins", "second")
    assert [model.name for model in models] == ["first", "second"]
    assert models.named("eins").name == "first"
    assert models.named("second").name == "second"


def test_any_other_name_means_the_default():
    models = models_of(first=ModelChoice(), second=ModelChoice())
    assert models.named("gpt-9") is models.default
    assert models.default.name == "first"


async def test_a_session_begins_with_what_its_model_says_and_the_client_may_change_it():
    models = {"plain": ModelChoice(), "singer": ModelChoice(session=SINGING)}
    async with (
        running_server(models=models) as server,
        server.socket("/v1/realtime?model=singer") as client,
    ):
        session = (await client.until("session.created"))["session"]
        assert (session["model"], session["instructions"]) == ("singer", "Sing.")
        assert [tool["name"] for tool in session["tools"]] == ["hum"]
        assert session["audio"]["input"]["turn_detection"] is None
        assert session["audio"]["output"]["voice"] == "bass"
        await client.update(instructions="Whistle.")
        updated = client.of("session.updated")[-1]["session"]
        assert updated["instructions"] == "Whistle."
        await client.update(instructions="")
        assert client.of("session.updated")[-1]["session"]["instructions"] == "Sing."


async def test_the_other_models_sessions_begin_as_the_server_says():
    models = {"plain": ModelChoice(), "singer": ModelChoice(session=SINGING)}
    async with running_server(models=models, instructions="Talk.") as server, server.socket() as c:
        session = (await c.until("session.created"))["session"]
        assert (session["model"], session["instructions"]) == ("plain", "Talk.")
        assert session["tools"] == []


async def test_a_model_whose_sessions_cannot_begin_is_refused_at_the_start():
    session = {"audio": {"output": {"voice": "nobody"}}}
    config = Config(home=Path("unused"), models={"mute": ModelChoice(session=session)})
    engines = make_cast().engines
    with pytest.raises(ConfigurationError, match=r"model 'mute' cannot begin: .*'nobody'"):
        async with open_reception(config, Models(config, lambda _: engines)):
            pass
