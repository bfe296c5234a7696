from __future__ import annotations

import pytest
from msgspec import ValidationError, convert

from antiphon.config import Config, Loaded, ModelChoice, UpstreamChoice, report
from antiphon.wire.refusal import InvalidFieldError


@pytest.mark.parametrize(
    ("use", "problem"),
    [
        ("https://api.openai.com/v1", "begins with wss:// or ws://"),
        ("gpt-realtime", "begins with wss:// or ws://"),
        ("wss://host:99999999/v1", "is no address: Port out of range"),
        ("wss://[::1/v1", "is no address: Invalid IPv6 URL"),
        ("wss:///v1", "begins with wss:// or ws://"),
        ("wss://host/v1/realtime?model=m", "has a query or a password"),
        ("wss://me:secret@host/v1", "has a query or a password"),
    ],
)
def test_an_address_has_to_be_that_of_a_realtime_service(use, problem):
    with pytest.raises(InvalidFieldError, match=problem):
        UpstreamChoice(use=use)
    with pytest.raises(InvalidFieldError, match="Invalid 'upstream'"):
        ModelChoice(upstream=use)


def test_an_address_may_stand_for_a_table():
    use = "wss://api.openai.com/v1#gpt-realtime"
    assert ModelChoice(upstream=use).service == UpstreamChoice(use=use)
    assert ModelChoice().service is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("transcriber", "m"), ("language_model", "m"), ("synthesizer", "m"), ("voices", {})],
)
def test_a_model_has_either_engines_or_a_service(field, value):
    with pytest.raises(ValidationError, match=f"its own '{field}' would do nothing"):
        convert({"upstream": "wss://host/v1", field: value}, ModelChoice)


@pytest.mark.parametrize(("key", "shown"), [("sk-one", "********"), ("env:KEY", "env:KEY")])
def test_a_report_shows_where_a_key_is_kept_but_no_key(tmp_path, key, shown):
    choice = UpstreamChoice(use="wss://host/v1", api_key=key)
    config = Config(home=tmp_path, models={"cloud": ModelChoice(upstream=choice)})
    lines = list(report(Loaded(config, dict.fromkeys(config.__struct_fields__, "some.toml"))))
    assert f'models.cloud.upstream.api_key = "{shown}"  # some.toml' in lines
