from __future__ import annotations

import math
import tomllib
from pathlib import Path

from antiphon.config import ApiKey, Config, Limits, ModelChoice, VoiceChoice, hash_line, load
from antiphon.config.loading import Loaded
from antiphon.config.report import report
from antiphon.core.prompts import PromptVersion, StoredPrompt
from antiphon.engines.choices import Choice


def test_what_is_printed_is_a_configuration_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = Config(
        home=Path("home").absolute(),
        models={
            'a "quoted" name': ModelChoice(),
            "zwei": ModelChoice(
                aliases=("two",),
                language_model=Choice(
                    use="http://host/v1#big", options={"timeout_s": 2}, fallback=("fast",)
                ),
                voices={"x": VoiceChoice(voice="joe", speed=1.5)},
                session={"instructions": "Sing.", "audio": {"input": {"turn_detection": "none"}}},
            ),
        },
        rate_limits=Limits(tokens_per_minute=6),
        voices={"my voice": "joe"},
        prompts={
            "greeter": StoredPrompt(
                instructions="You greet for\n{{shop}}.",
                versions={"0": PromptVersion(instructions="Grüße.")},
            )
        },
    )
    file = Path("again.toml")
    lines = report(Loaded(config, dict.fromkeys(Config.__struct_fields__, "somewhere")))
    file.write_text("\n".join(lines))
    assert load(file, environment={}).config == config


def test_numbers_without_end_are_printed_as_toml_has_them():
    choice = Choice(use="parrot", options={"patience": [math.inf, -math.inf]})
    config = Config(home=Path("home"), transcriber=choice)
    lines = report(Loaded(config, dict.fromkeys(Config.__struct_fields__, "somewhere")))
    assert "transcriber.options.patience = [inf, -inf]  # somewhere" in lines


def test_each_value_says_where_it_comes_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = list(report(load(None, {"port": 1}, {"ANTIPHON_HOST": "127.0.0.2"})))
    assert "port = 1  # --port" in lines
    assert 'host = "127.0.0.2"  # ANTIPHON_HOST' in lines
    assert "max_sessions = 64  # default" in lines
    assert "# script is not set" in lines


def test_keys_are_not_shown():
    limits = Limits(requests_per_minute=6)
    config = Config(
        home=Path("home"),
        api_keys=("sk-one", hash_line("sk-two")),
        keys=(ApiKey(name="kiosk", hash=hash_line("sk-three"), rate_limits=limits),),
    )
    text = "\n".join(report(Loaded(config, dict.fromkeys(Config.__struct_fields__, "somewhere"))))
    assert "sk-one" not in text
    assert hash_line("sk-two") not in text
    assert hash_line("sk-three") not in text
    shown = tomllib.loads(text)
    assert shown["keys"][0]["rate_limits"] == {"requests_per_minute": 6}
    assert shown["keys"][0]["hash"][:15] == hash_line("sk-three")[:15]


FULL_OF_SECRETS = """
api_keys = ["SECRET"]
[store]
url = "postgresql://antiphon:SECRET@db/antiphon?password=SECRET"
[language_model]
use = "http://localhost:1/v1#big"
options = { api_key = "SECRET", headers = { Authorization = "Bearer SECRET" } }
fallback = [
  { use = "https://api.example.com/v1#b", options = { api_key = "SECRET" } },
  { use = "https://api.example.com/v1#c", options = { api_key = "env:ITS_KEY" } },
]
[models.proxied.language_model]
options.body = { extra = { tokens = ["SECRET"] }, temperature = 0.3 }
use = "http://user:SECRET@localhost:1/v1#small"
[models.hosted]
upstream = { use = "wss://host/v1#any", api_key = "SECRET" }
[[models.tools.session.tools]]
type = "mcp"
server_label = "one"
server_url = "https://tools.example.com/mcp?token=SECRET"
authorization = "SECRET"
headers = { "X-Key" = "SECRET" }
[[webrtc.ice_servers]]
urls = ["turn:turn.example.com"]
username = "user"
credential = "SECRET"
"""


def test_secrets_are_not_shown_wherever_they_are(tmp_path):
    file = tmp_path / "antiphon.toml"
    file.write_text(FULL_OF_SECRETS)
    text = "\n".join(report(load(file, environment={"ITS_KEY": "SECRET"})))
    assert "SECRET" not in text
    shown = tomllib.loads(text)
    _, second = shown["language_model"]["fallback"]
    assert second["options"]["api_key"] == "env:ITS_KEY"  # where it is kept may be seen
    proxied = shown["models"]["proxied"]["language_model"]
    assert proxied["use"].startswith("http://user:***")
    assert proxied["options"]["body"]["temperature"] == 0.3
