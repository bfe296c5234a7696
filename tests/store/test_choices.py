from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.config import Config, StoreChoice, load_config
from antiphon.config.loading import load
from antiphon.config.report import report
from antiphon.errors import ConfigurationError
from antiphon.wire.refusal import InvalidFieldError


def test_without_a_choice_everything_but_audio_is_kept_in_a_file_of_the_home(tmp_path):
    choice = Config(home=tmp_path).store
    assert (choice.keep, choice.audio) == ("everything", False)
    assert choice.location(tmp_path) == f"sqlite:///{tmp_path}/antiphon.db"


def test_the_choice_can_be_made_in_the_environment(monkeypatch):
    monkeypatch.setenv("ANTIPHON_STORE", '{keep = "no_content", max_age_days = 7}')
    assert load_config().store == StoreChoice(keep="no_content", max_age_days=7)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"url": "mysql://db/antiphon"}, "databases are known that begin with sqlite:"),
        ({"url": "sqlite://file.db"}, "three slashes before its path"),
        ({"keep": "no_content", "audio": True}, "audio cannot be kept where keep is 'no_content'"),
    ],
)
def test_what_cannot_be_is_refused(choice, message):
    with pytest.raises(InvalidFieldError, match=message):
        StoreChoice(**choice)


def test_the_address_may_be_in_a_variable(monkeypatch):
    choice = StoreChoice(url="env:KEPT_IN")
    with pytest.raises(ConfigurationError, match="KEPT_IN, which is not set"):
        choice.location(Path("home"))
    monkeypatch.setenv("KEPT_IN", "postgresql://db/antiphon")
    assert choice.location(Path("home")) == "postgresql://db/antiphon"
    monkeypatch.setenv("KEPT_IN", "oracle://scott:tiger@db")
    with pytest.raises(ConfigurationError, match="env:KEPT_IN") as raised:
        choice.location(Path("home"))
    assert "tiger" not in str(raised.value)


def test_no_password_is_shown(tmp_path):
    flags = {"home": tmp_path, "store": StoreChoice(url="postgresql://antiphon:fjord@db/kept")}
    shown = "\n".join(report(load(None, flags, {})))
    assert 'store.url = "postgresql://antiphon:********@db/kept"' in shown
    assert "fjord" not in shown
