from __future__ import annotations

from typing import Any

import pytest

from antiphon.config import Config, InvalidSettingError, ModelChoice, VoiceChoice
from antiphon.engines.catalogue import builtin_catalogue
from antiphon.engines.choices import Choice
from antiphon.engines.thinking import GenerationRequest, TextDelta
from antiphon.errors import ConfigurationError, EngineError
from antiphon.runtime.loading import load_models
from tests.support.server import serving

SCRIPTED: dict[str, Any] = {
    "transcriber": "scripted",
    "language_model": "scripted",
    "synthesizer": "scripted",
    "voice_detector": "scripted",
}


async def test_the_engines_of_the_configuration_are_loaded_and_closed(tmp_path):
    script = tmp_path / "script.toml"
    script.write_text('sentence = "Good morning."')
    config = Config(home=tmp_path, script=script, **SCRIPTED)
    async with load_models(config) as models:
        engines = models.default.engines
        assert engines.transcriber.info.role == "transcriber"
        assert engines.language_model.info.name == "scripted"
        assert engines.voices[:3] == ("alto", "tenor", "bass")
    with pytest.raises(EngineError, match="scripted is closed"):
        await anext(engines.language_model.generate(GenerationRequest(messages=())))


async def test_the_server_starts_without_the_weights_of_its_turn_predictor(tmp_path, caplog):
    async with (
        load_models(Config(home=tmp_path, **SCRIPTED)) as models,
        serving(models.default.engines) as server,
    ):
        assert models.default.engines.turn_predictor is None
        assert (await server.request("GET", "/health")).status_code == 200
    (warning,) = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert warning.startswith("no turn predictor: The weights of")
    assert "antiphon models fetch" in warning


async def test_a_turn_predictor_that_was_asked_for_has_to_be_there(tmp_path):
    name = builtin_catalogue().default("turn_predictor").name
    config = Config(home=tmp_path, turn_predictor=name, **SCRIPTED)
    with pytest.raises(ConfigurationError, match=f"antiphon models fetch {name}"):
        async with load_models(config):
            pass


async def test_an_engine_that_cannot_be_loaded_is_named(tmp_path):
    config = Config(home=tmp_path, **{**SCRIPTED, "synthesizer": "nobody"})
    with pytest.raises(InvalidSettingError, match=r"^synthesizer: There is no synthesizer named"):
        async with load_models(config):
            pass


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            ModelChoice(synthesizer="nobody"),
            "^models.quick.synthesizer: There is no synthesizer named 'nobody'",
        ),
        (
            ModelChoice(language_model=Choice(use="scripted", options={"sentense": ""})),
            "^models.quick.language_model: the script cannot be used: Unknown parameter",
        ),
        (ModelChoice(voices={"a": "nobody"}), "^models.quick.voices: The voice 'a' is to be"),
    ],
)
async def test_what_is_wrong_with_one_of_several_models_is_told_with_its_key(
    choice, message, tmp_path
):
    config = Config(home=tmp_path, **SCRIPTED, models={"all": ModelChoice(), "quick": choice})
    with pytest.raises(InvalidSettingError, match=message) as error:
        async with load_models(config):
            pass
    assert error.value.field == "models"


async def test_the_operators_names_of_voices_have_to_stand_for_voices(tmp_path):
    voices: dict[str, str | VoiceChoice] = {
        "alloy": "bass",
        "slow": VoiceChoice(voice="tenor", speed=0.8),
    }
    async with load_models(Config(home=tmp_path, voices=voices, **SCRIPTED)) as models:
        assert models.default.engines.voice_named("alloy") == ("bass", 1.0)
        assert models.default.engines.voice_named("slow") == ("tenor", 0.8)
    with pytest.raises(ConfigurationError, match="'alloy' is to be spoken by 'nobody'"):
        async with load_models(Config(home=tmp_path, voices={"alloy": "nobody"}, **SCRIPTED)):
            pass


async def test_models_share_engines_that_are_the_same(
    tmp_path,
):
    quick = Choice(use="scripted", parallel=1)
    models = {
        "first": ModelChoice(),
        "same": ModelChoice(synthesizer="scripted", voices={"alloy": "bass"}),
        "own": ModelChoice(language_model=quick),
    }
    async with load_models(Config(home=tmp_path, models=models, **SCRIPTED)) as loaded:
        first, same, own = (model.engines for model in loaded)
        assert first.language_model is same.language_model
        assert first.synthesizer is same.synthesizer is own.synthesizer
        assert own.language_model is not first.language_model
        assert own.voice_detector is first.voice_detector
        assert same.voice_named("alloy").voice == "bass"
        assert first.voice_named("alloy").voice == "alto"


async def test_an_engine_is_loaded_once_whatever_it_is_called(tmp_path, monkeypatch):
    monkeypatch.setenv("GREETING", "Good morning.")
    (tmp_path / "engines.toml").write_text(
        """
        defaults.transcriber = "ours"
        [[entries]]
        role = "transcriber"
        name = "ours"
        aliases = ["ears"]
        engine = "scripted-transcriber"
        options = { sentence = "Good morning." }
        """
    )
    same = ("ours", "ears", Choice(use="ours", options={"sentence": "env:GREETING"}))
    other = (
        Choice(use="ours", options={"sentence": "Hi."}),
        Choice(use="ours", queue_s=5.0),
        Choice(use="ours", threads=2),
    )
    chosen = {str(number): one for number, one in enumerate([None, *same, *other])}
    config = Config(
        home=tmp_path,
        catalogue=tmp_path / "engines.toml",
        models={name: ModelChoice(transcriber=one) for name, one in chosen.items()},
        **{**SCRIPTED, "transcriber": None},
    )
    async with load_models(config) as models:
        first, *others = (model.engines.transcriber for model in models)
        assert [one is first for one in others] == [True] * len(same) + [False] * len(other)
        assert len({id(one) for one in others}) == 1 + len(other)


async def test_what_fails_before_it_answers_has_its_fallback_answer(tmp_path):
    script = tmp_path / "story.toml"
    failing = 'steps = [{ do = "fail", message = "Out of order.", retryable = true }]'
    script.write_text(f"[[answers]]\n{failing}")
    answering = tmp_path / "other.toml"
    answering.write_text('[[answers]]\nsteps = [{ do = "say", text = "Here I am." }]')
    small = Choice(use="scripted", options={"script": str(answering)})
    big = Choice(use="scripted", fallback=(small,))
    config = Config(home=tmp_path, script=script, **{**SCRIPTED, "language_model": big})
    async with load_models(config) as models:
        model = models.default.engines.language_model
        events = [event async for event in model.generate(GenerationRequest(messages=()))]
        assert "".join(one.text for one in events if isinstance(one, TextDelta)) == "Here I am."
