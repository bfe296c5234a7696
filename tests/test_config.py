from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.config import Config, load_config
from antiphon.errors import ConfigurationError


def config(**fields: object) -> Config:
    return Config(home=Path("home"), **fields)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("ANTIPHON_API_KEYS", raising=False)
    monkeypatch.setenv("ANTIPHON_HOME", str(tmp_path))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_this_machine_alone_no_key_is_needed(host):
    assert config(host=host).api_keys == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])
def test_others_can_only_reach_a_server_with_keys(host):
    with pytest.raises(ConfigurationError, match=rf"on {host}, .*--api-key or ANTIPHON_API_KEYS"):
        config(host=host)
    assert config(host=host, api_keys=("sk-one",)).host == host


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_out_of_range_is_named(port):
    with pytest.raises(ConfigurationError, match=f"The port is {port}; it has to be 0 to 65535"):
        config(port=port)


def test_flags_that_were_not_given_leave_the_defaults():
    loaded = load_config(host=None, port=None, strict_models=None)
    assert (loaded.host, loaded.port, loaded.strict_models) == ("127.0.0.1", 8000, False)
    assert loaded.models == ("antiphon",)


def test_home_comes_from_the_environment(tmp_path):
    assert load_config().home == tmp_path


def test_keys_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("ANTIPHON_API_KEYS", "sk-one, sk-two,,")
    assert load_config().api_keys == ("sk-one", "sk-two")


def test_keys_given_as_flags_replace_those_of_the_environment(monkeypatch):
    monkeypatch.setenv("ANTIPHON_API_KEYS", "sk-one")
    assert load_config(api_keys=("sk-three",)).api_keys == ("sk-three",)


def test_an_api_key_cannot_look_like_a_client_secret():
    with pytest.raises(ConfigurationError, match="begins with 'ek_'"):
        config(api_keys=("sk-one", "ek_two"))


@pytest.mark.parametrize("origin", ["*", "null", "https://app.example.org", "http://[::1]:3000"])
def test_origins_are_written_as_browsers_do(origin):
    assert config(allow_origins=(origin,)).allow_origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    ["app.example.org", "https://app.example.org/", "https://App.example.org", "https://", ""],
)
def test_an_origin_that_no_browser_would_send_is_refused(origin):
    with pytest.raises(ConfigurationError, match="is not an origin") as refusal:
        config(allow_origins=(origin,))
    assert f"'{origin}'" in str(refusal.value)
