from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.config import Config, ModelChoice, hash_line, unused

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
    (warning,) = unused(config, {})
    assert warning.startswith(f"'language_model' is used by no model: {why}")


def test_an_engine_that_one_model_uses_is_in_use():
    models = {"antiphon": ModelChoice(), "quick": ModelChoice(language_model="fast")}
    assert not list(
        unused(Config(home=HOME, language_model="http://gpu/v1#big", models=models), {})
    )


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("ANTIPHON_LANGAUGE_MODEL", "Did you mean ANTIPHON_LANGUAGE_MODEL?"),
        ("ANTIPHON_API_KEYZ", "Did you mean ANTIPHON_API_KEYS?"),
        ("ANTIPHON_XYZZY", "'antiphon config' lists all fields."),
    ],
)
def test_a_variable_that_means_nothing_is_named(variable, meant):
    (warning,) = unused(Config(home=HOME), {variable: "x"})
    assert warning == f"The variable {variable} means nothing to this server. {meant}"


def test_variables_of_others_are_none_of_its_business():
    environment = {
        "PATH": "/bin",
        "ANTIPHON_CONFIG": "some.toml",
        "ANTIPHON_PORT": "8000",
        "ANTIPHON_URL": "http://127.0.0.1:8000/v1",
        "ANTIPHON_SERVICE_HOST": "10.0.0.1",
        "ANTIPHON_PORT_8000_TCP_ADDR": "10.0.0.1",
    }
    assert not list(unused(Config(home=HOME), environment))


def test_one_key_where_the_server_takes_several_does_not_pass_for_one_of_them():
    environment = {"ANTIPHON_API_KEY": "sk-secret"}
    (warning,) = unused(Config(home=HOME), environment)
    assert "set ANTIPHON_API_KEYS" in warning
    assert "sk-secret" not in warning
    assert not list(unused(Config(home=HOME, api_keys=(hash_line("sk-one"),)), environment))
