from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.config import ApiKey, Config, ModelChoice, hash_line
from antiphon.errors import RequestError
from antiphon.runtime.key_rules import KeyRules

PAGE = "https://kiosk.example.org"


def rules(models: tuple[str, ...] = (), origins: tuple[str, ...] = ()) -> KeyRules:
    key = ApiKey(name="kiosk", hash=hash_line("sk-kiosk"), models=models, origins=origins)
    offered = {
        "dear": ModelChoice(aliases=("gpt-realtime",)),
        "fast-1": ModelChoice(),
    }
    return KeyRules(Config(home=Path("unused"), keys=(key,), models=offered))


@pytest.mark.parametrize(
    ("models", "asked_for", "answers"),
    [
        ((), "dear", "dear"),
        (("dear",), "gpt-realtime", "dear"),
        (("gpt-*",), "gpt-realtime", "dear"),
        (("fast-*",), "fast-1", "fast-1"),
        (("dear",), "unheard-of", "dear"),
    ],
)
def test_a_key_may_ask_for_its_models_by_any_of_their_names(models, asked_for, answers):
    rules(models).check_model("kiosk", asked_for, answers)


@pytest.mark.parametrize(
    ("models", "asked_for", "answers"),
    [
        (("fast-*",), "dear", "dear"),
        (("fast-*",), "gpt-realtime", "dear"),
        # The default answers for a name that nobody has configured, however well it fits.
        (("fast-*",), "fast-99", "dear"),
        (("gpt-*",), "gpt-99", "dear"),
    ],
)
def test_no_other_model_answers_it(models, asked_for, answers):
    with pytest.raises(RequestError, match=f"may not be used for the model `{asked_for}`") as error:
        rules(models).check_model("kiosk", asked_for, answers)
    assert (error.value.code, error.value.param) == ("model_not_allowed", "model")


def test_a_key_is_for_its_pages_and_for_programs():
    bound = rules(origins=(PAGE,))
    for origin in (PAGE, None):
        bound.check_origin("kiosk", origin)
    with pytest.raises(RequestError, match=r"Pages of 'https://evil\.example'") as refusal:
        bound.check_origin("kiosk", "https://evil.example")
    assert refusal.value.code == "origin_not_allowed"


@pytest.mark.parametrize("key_name", [None, "key-0a1b2c3d"])
def test_other_keys_are_bound_by_nothing(key_name):
    bound = rules(("fast-1",), (PAGE,))
    bound.check_model(key_name, "dear", "dear")
    bound.check_origin(key_name, "https://evil.example")


def test_new_rules_hold_at_once():
    bound = rules(("fast-1",), (PAGE,))
    bound.renew(Config(home=Path("unused")))
    bound.check_model("kiosk", "antiphon", "antiphon")
    bound.check_origin("kiosk", "https://elsewhere.example")
