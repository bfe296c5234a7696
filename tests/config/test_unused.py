from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.config import Config, ModelChoice, unused

HOME = Path("unused")
CLOUD = ModelChoice(upstream="wss://host/v1")


@pytest.mark.parametrize(
    ("models", "why"),
    [
        ({"quick": ModelChoice(language_model="fast")}, "each ('quick') has one of its own."),
        (
            {"quick": ModelChoice(language_model="fast"), "cloud": CLOUD},
            "each ('quick', 'cloud') has one of its own.",
        ),
        ({"cloud": CLOUD}, "each ('cloud') is answered for by a service."),
    ],
)
def test_an_engine_that_no_model_uses_is_named(models, why):
    config = Config(home=HOME, language_model="http://gpu/v1#big", models=models)
    (warning,) = unused(config)
    assert warning.startswith(f"'language_model' is used by no model: {why}")


def test_an_engine_that_one_model_uses_is_in_use():
    models = {"antiphon": ModelChoice(), "quick": ModelChoice(language_model="fast")}
    assert not list(unused(Config(home=HOME, language_model="http://gpu/v1#big", models=models)))
