from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from antiphon.config import ApiKey, Config, Limits, Price, hash_line
from antiphon.errors import ConfigurationError


def config(**fields: object) -> Config:
    return Config(home=Path("home"), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_this_machine_alone_no_key_is_needed(host):
    assert config(host=host).api_keys == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])
def test_others_can_only_reach_a_server_with_keys(host):
    with pytest.raises(ConfigurationError, match=rf"on {host}, .*--api-key or ANTIPHON_API_KEYS"):
        config(host=host)
    assert config(host=host, api_keys=("sk-one",)).host == host
    assert config(host=host, admin_keys=("sk-one",)).host == host


def test_anyone_may_be_let_in_if_that_is_said_in_so_many_words():
    settings = config(host="0.0.0.0", allow_anyone=True)
    assert not settings.needs_key


def test_an_admin_key_is_a_key_named_by_what_it_is():
    settings = config(admin_keys=("sk-one", hash_line("sk-two")))
    assert settings.needs_key
    assert settings.admin_names == ("admin-456f1612", "admin-5e312785")
    digests = {name: digest.hex() for name, digest in settings.key_digests()}
    assert digests == {
        "admin-456f1612": sha256(b"sk-one").hexdigest(),
        "admin-5e312785": sha256(b"sk-two").hexdigest(),
    }


def test_a_key_cannot_be_of_a_client_and_of_an_administrator():
    with pytest.raises(ConfigurationError, match="of 'api_keys' and an entry of 'admin_keys'"):
        config(api_keys=("sk-one",), admin_keys=(hash_line("sk-one"),))


def test_what_is_spent_can_be_limited_where_something_has_a_price():
    limits = Limits(spend_per_day=1.0)
    key = ApiKey(name="kiosk", hash=hash_line("sk-kiosk"), rate_limits=limits)
    for fields in ({"rate_limits": limits}, {"keys": (key,)}):
        with pytest.raises(ConfigurationError, match="nothing has a price"):
            config(**fields)
        assert config(prices={"*": Price(output=1.0)}, **fields).prices


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_out_of_range_is_named(port):
    with pytest.raises(ConfigurationError, match=f"The port is {port}; it has to be 0 to 65535"):
        config(port=port)


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


def test_keys_are_known_by_their_names_and_digests():
    keys = (ApiKey(name="kiosk", hash=hash_line("sk-two")),)
    settings = config(api_keys=("sk-one", hash_line("sk-three")), keys=keys)
    assert settings.needs_key
    digests = {name: digest.hex() for name, digest in settings.key_digests()}
    assert digests == {
        "key-456f1612": sha256(b"sk-one").hexdigest(),
        "key-46a984dc": sha256(b"sk-three").hexdigest(),
        "kiosk": sha256(b"sk-two").hexdigest(),
    }


def test_a_key_keeps_its_name_when_one_before_it_goes():
    def names(*keys):
        return [name for name, _ in config(api_keys=keys).key_digests()]

    assert names("sk-one", "sk-two")[1:] == names("sk-two")


def test_a_named_key_is_a_key():
    keys = (ApiKey(name="kiosk", hash=hash_line("sk-two")),)
    assert config(host="0.0.0.0", keys=keys).needs_key


def test_two_keys_have_two_names():
    keys = tuple(ApiKey(name="kiosk", hash=hash_line(key)) for key in ("sk-one", "sk-two"))
    with pytest.raises(ConfigurationError, match="Two keys are called 'kiosk'"):
        config(keys=keys)


def test_a_key_has_one_name_lest_it_have_two_limits():
    keys = (ApiKey(name="kiosk", hash=hash_line("sk-one")),)
    with pytest.raises(ConfigurationError, match="an entry of 'api_keys' and 'kiosk'"):
        config(api_keys=("sk-one",), keys=keys)


def test_a_damaged_hash_is_no_key():
    with pytest.raises(ConfigurationError, match=r"64 hexadecimal digits .* here are 3 characters"):
        config(api_keys=("sha256:abc",))


def test_a_price_is_a_number_that_sums_can_be_made_of():
    for price in (float("inf"), float("nan"), -1.0):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"output": price}, Price)
