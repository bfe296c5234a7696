from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from antiphon.config import Config, Limits, ModelChoice, VoiceChoice, load, load_config, load_shelf
from antiphon.config.loading import DEFAULT_SOURCE
from antiphon.engines.catalogue import builtin_catalogue
from antiphon.engines.choices import Choice
from antiphon.errors import ConfigurationError

EXAMPLE = Path(__file__).parents[2] / "docs" / "antiphon.example.toml"


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Leave the machine's own configuration out of it."""
    for name in ("API_KEYS", "CONFIG", "PORT", "HOST"):
        monkeypatch.delenv(f"ANTIPHON_{name}", raising=False)
    monkeypatch.setenv("ANTIPHON_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def written(text: str, path: str = "some.toml") -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        load_config(written(text))
    message = str(error.value)
    assert message.startswith("some.toml: ")
    return message.removeprefix("some.toml: ")


# --- who decides ----------------------------------------------------------------------------------


def test_without_anything_the_defaults_hold(tmp_path):
    config, sources = load()
    assert config == Config(home=tmp_path / "home")
    assert sources["port"] == DEFAULT_SOURCE


def test_flags_go_over_the_environment_and_that_over_the_file(monkeypatch):
    file = written("port = 1\nmax_sessions = 1\nmodels.file = {}")
    monkeypatch.setenv("ANTIPHON_PORT", "2")
    monkeypatch.setenv("ANTIPHON_MAX_SESSIONS", "2")
    config, sources = load(file, {"port": 3})
    assert (config.port, config.max_sessions, list(config.models)) == (3, 2, ["file"])
    assert sources["port"] == "--port"
    assert sources["max_sessions"] == "ANTIPHON_MAX_SESSIONS"
    assert sources["models"] == "some.toml"


def test_flags_that_were_not_given_leave_what_there_is():
    config = load_config(written("port = 1\napi_keys = ['sk-one']"), port=None, api_keys=())
    assert (config.port, config.api_keys) == (1, ("sk-one",))


def test_keys_given_as_flags_replace_those_of_the_environment(monkeypatch):
    monkeypatch.setenv("ANTIPHON_API_KEYS", "sk-one")
    assert load_config(api_keys=("sk-three",)).api_keys == ("sk-three",)


def test_the_file_of_the_working_directory_is_read():
    written("port = 1", "antiphon.toml")
    assert load_config().port == 1
    assert load_config(written("port = 2")).port == 2


def test_the_environment_names_the_file(monkeypatch):
    written("port = 1", "antiphon.toml")
    monkeypatch.setenv("ANTIPHON_CONFIG", str(written("port = 2")))
    assert load_config().port == 2


# --- the environment ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("HOST", "127.0.0.2", "127.0.0.2"),
        ("PORT", "9000", 9000),
        ("STRICT_MODELS", "true", True),
        ("STRICT_MODELS", "0", False),
        ("ALLOW_ORIGINS", "https://a, https://b,", ("https://a", "https://b")),
        ("MODELS", "{fast = {aliases = ['quick']}}", {"fast": ModelChoice(aliases=("quick",))}),
        ("TRANSCRIBER", "http://ears:80/v1#small", "http://ears:80/v1#small"),
        ("TRANSCRIBER", "{use = 'x', parallel = 2}", Choice(use="x", parallel=2)),
        ("LANGUAGE_MODEL", "./mind.gguf", "./mind.gguf"),
        ("API_KEYS", "sk-one, sk-two,,", ("sk-one", "sk-two")),
        ("INSTRUCTIONS", "Be brief, please.", "Be brief, please."),
        ("SCRIPT", "story.toml", Path("story.toml")),
        ("RATE_LIMITS", "{requests_per_minute = 6}", Limits(requests_per_minute=6)),
        ("VOICES", "{alloy = 'joe'}", {"alloy": "joe"}),
    ],
)
def test_each_field_has_a_variable(monkeypatch, variable, text, value):
    monkeypatch.setenv(f"ANTIPHON_{variable}", text)
    assert getattr(load_config(), variable.lower()) == value


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("ANTIPHON_PORT", "")
    assert load_config().port == 8000


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("PORT", "tcp://10.0.0.1:8000", "ANTIPHON_PORT: Invalid type for 'port': expected an int"),
        ("MAX_SESSIONS", "0", "ANTIPHON_MAX_SESSIONS: .* >= 1, but got 0"),
        ("MAX_SESSION_S", "-0.5", "ANTIPHON_MAX_SESSION_S: .* > 0, but got -0.5"),
        ("LOG_LEVEL", "loud", "ANTIPHON_LOG_LEVEL: log_level: Invalid value: 'loud'"),
        ("RATE_LIMITS", "60", "ANTIPHON_RATE_LIMITS: Invalid type for 'rate_limits'"),
        ("RATE_LIMITS", "{", "ANTIPHON_RATE_LIMITS: '{' is not a TOML value"),
    ],
)
def test_a_variable_that_will_not_do_is_named(monkeypatch, variable, text, message):
    monkeypatch.setenv(f"ANTIPHON_{variable}", text)
    with pytest.raises(ConfigurationError, match=message):
        load_config()


# --- the file -------------------------------------------------------------------------------------


def test_the_example_is_a_configuration_and_shows_every_key():
    config = load_config(EXAMPLE)
    assert config.voices == {"alloy": "joe", "slow": VoiceChoice(voice="joe", speed=0.8)}
    fast = config.models["fast"].session_update()
    assert fast.audio
    assert fast.audio.input
    assert fast.audio.input.noise_reduction is None
    assert config.prompts["greeter"].versions["1"].variables == ("shop",)
    hidden = {"catalogue", "script"}  # files that are not there
    assert tomllib.loads(EXAMPLE.read_text()).keys() | hidden == set(Config.__struct_fields__)
    assert all(f"# {name} = " in EXAMPLE.read_text() for name in hidden)


def test_paths_are_relative_to_the_file_that_names_them(monkeypatch):
    monkeypatch.delenv("ANTIPHON_HOME")
    file = written("home = 'data'\nscript = '../story.toml'", "etc/antiphon.toml")
    config = load_config(file)
    assert config.home == Path.cwd() / "etc/data"
    assert config.script == Path.cwd() / "etc/../story.toml"


def test_home_is_known_even_if_a_server_could_not_start(monkeypatch):
    monkeypatch.delenv("ANTIPHON_HOME")
    file = written("home = 'data'\nhost = '0.0.0.0'")
    assert load_shelf(file) == (Path.cwd() / "data", builtin_catalogue())


def test_the_operators_catalogue_is_beside_the_file_that_names_it(tmp_path):
    own = """
        [[entries]]
        role = "transcriber"
        name = "ours"
        engine = "scripted-transcriber"
    """
    written(own, "etc/engines.toml")
    file = written("catalogue = 'engines.toml'", "etc/antiphon.toml")
    _, catalogue = load_shelf(file)
    assert catalogue.find("transcriber", "ours").engine == "scripted-transcriber"


def test_paths_of_engines_are_relative_to_the_file_and_names_are_names(tmp_path):
    text = """
        transcriber = "moonshine-tiny-en"
        synthesizer = "http://host/v1"
        [language_model]
        use = "../mind.gguf"
        fallback = ["fast", {use = "/srv/small.gguf"}]
        [models.big]
        language_model = "./big.gguf"
    """
    config = load_config(written(text, "etc/antiphon.toml"))
    assert (config.transcriber, config.synthesizer) == ("moonshine-tiny-en", "http://host/v1")
    fallback = ("fast", Choice(use="/srv/small.gguf"))
    folder = Path.cwd() / "etc"
    assert config.language_model == Choice(use=f"{folder}/../mind.gguf", fallback=fallback)
    assert config.models["big"].language_model == f"{folder}/big.gguf"


def test_a_path_in_the_working_directory_stays_one_when_its_file_is_read_by_itself():
    text = """
        language_model = {use = "./mind.gguf", engine = "llama", fallback = ["./small.gguf"]}
        [models.big]
        language_model = {use = "./big.gguf", engine = "llama"}
        synthesizer = "./voice.onnx"
    """
    written(text, "antiphon.toml")
    config, folder = load_config(), Path.cwd()
    fallback = (f"{folder}/small.gguf",)
    mind = Choice(use=f"{folder}/mind.gguf", engine="llama", fallback=fallback)
    assert config.language_model == mind
    assert config.models["big"].language_model == Choice(use=f"{folder}/big.gguf", engine="llama")
    assert config.models["big"].synthesizer == f"{folder}/voice.onnx"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", "Unknown parameter: 'prot'. Did you mean 'port'?"),
        (
            "rate_limits = {request_per_minute = 1}",
            (
                "Unknown parameter: 'rate_limits.request_per_minute'. "
                "Did you mean 'requests_per_minute'?"
            ),
        ),
        (
            "port = 'x'",
            (
                "Invalid type for 'port': expected an integer, but got a string instead. "
                "Leave 'port' out for the default, 8000."
            ),
        ),
        (
            "console = 1",
            (
                "Invalid type for 'console': expected a boolean, but got an integer instead. "
                "Leave 'console' out for the default, true."
            ),
        ),
        ("port = 70000", "The port is 70000; it has to be 0 to 65535."),
        (
            "max_sessions = 0",
            (
                "Invalid 'max_sessions': integer below minimum value. Expected a value >= 1, but "
                "got 0 instead. Leave 'max_sessions' out for the default, 64."
            ),
        ),
        (
            "max_session_s = -5.0",
            (
                "Invalid 'max_session_s': decimal below minimum value. Expected a value > 0, but "
                "got -5.0 instead. Leave 'max_session_s' out for the default, 3600.0."
            ),
        ),
        (
            "log_level = 'loud'",
            (
                "log_level: Invalid value: 'loud'. Supported values are: 'debug', 'error', "
                "'info', and 'warning'. Leave 'log_level' out for the default, 'warning'."
            ),
        ),
        (
            "[prompts.hello]\ninstructions = 'Hi {{who}}'\ndefaults = {name = 'x'}",
            (
                "Invalid 'prompts.hello.defaults.name': the instructions have no placeholder "
                "'{{name}}'. Their variables are: 'who'."
            ),
        ),
        (
            "[prompts.hello]\ninstructions = 'a'\nversions.1.instructions = 'b'",
            "Invalid 'prompts.hello.versions.1': version '1' is there twice.",
        ),
        ("prompts.hello = {}", "Missing required parameter: 'prompts.hello.instructions'."),
        ("[[keys]]\nname = 'a'\nhash = 'sk-one'", "Invalid 'keys[0].hash': expected 'sha256:'"),
        ("[[keys]]\nname = 'a b'\nhash = ''", "Invalid 'keys[0].name': 'a b'."),
        (
            "voices.alloy = 5",
            "Invalid type for 'voices.alloy': expected one of a string or an",
        ),
        ("models = {}", "There is no model that clients could ask for."),
        ("models.a = {}\nmodels.b.aliases = ['a']", "'a' names the models 'a' and 'b'."),
        ("[models.'']", "A model is called ''."),
        ("models.a.aliases = ['']", "A model is called ''."),
        ("models.a.session.model = 'b'", "The sessions of the model 'a' are to be of the model"),
        (
            "models.a.transciber = 'x'",
            "Unknown parameter: 'models.a.transciber'. Did you mean 'transcriber'?",
        ),
        (
            "models.a.session.instrutions = 'x'",
            "Unknown parameter: 'models.a.session.instrutions'. A session has no such setting.",
        ),
        (
            "models.a.session.audio.input.turn_detection.type = 'some_vad'",
            (
                "models.a.session.audio.input.turn_detection.type: Invalid value: 'some_vad'. "
                "Supported values are: 'server_vad' and 'semantic_vad'."
            ),
        ),
        (
            "models.a.session.audio.input.turn_detection = {type = 'server_vad', threshold = 2}",
            "Invalid 'models.a.session.audio.input.turn_detection.threshold': ",
        ),
        ("transcriber = {use = 'x', paralel = 1}", "Unknown parameter: 'transcriber.paralel'."),
        (
            "transcriber = {use = 'moonshine-tiny-en', engine = 'llama'}",
            (
                "Invalid 'transcriber.engine': 'llama' is to run 'moonshine-tiny-en', which is no "
                "path. Leave 'engine' out."
            ),
        ),
        ("host = '0.0.0.0'", "The server would listen on 0.0.0.0"),
        ("trusted_proxies = ['caddy']", "'caddy' is not a network: "),
        ("port =", "this is not TOML: "),
    ],
)
def test_a_mistake_is_told_with_file_key_value_and_remedy(text, message):
    assert refusal(text).startswith(message)


def test_a_models_sessions_may_say_what_they_are_called():
    text = "[models.a]\naliases = ['b']\nsession.model = 'b'"
    assert load_config(written(text)).models["a"].session == {"model": "b"}


@pytest.mark.parametrize(
    "text",
    [
        "max_session_s = inf",
        "max_session_s = nan",
        "session_idle_s = inf",
        "drain_s = inf",
        "transcriber = {use = 'x', queue_s = inf}",
        "transcriber = {use = 'x', stall_s = inf}",
        "models.a.upstream = {use = 'wss://host/v1', open_s = inf}",
        "rate_limits = {spend_per_day = inf}",
    ],
)
def test_time_and_money_are_limited(text):
    assert "value. Expected a value " in refusal(text)


def test_a_file_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("ANTIPHON_CONFIG", "nowhere.toml")
    with pytest.raises(ConfigurationError, match=r"nowhere.toml cannot be read: No such file"):
        load_config()
