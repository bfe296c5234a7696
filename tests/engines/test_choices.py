from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.engines.catalogue import builtin_catalogue
from antiphon.engines.choices import Candidate, Choice, candidate, choice_of, located
from antiphon.engines.options import FromVariable
from antiphon.errors import ConfigurationError, WeightsError

CATALOGUE = builtin_catalogue()


def found(role, written) -> Candidate:
    return candidate(role, choice_of(written), CATALOGUE, Path("unused"))


def refusal(role, written) -> str:
    with pytest.raises(ConfigurationError) as error:
        found(role, written)
    return str(error.value)


def test_a_name_or_alias_is_that_of_the_catalogue():
    assert found("language_model", "fast").entry is CATALOGUE.find("language_model", "smollm2-135m")


def test_any_other_name_is_that_of_an_entry_point():
    entry = found("transcriber", "parrot").entry
    assert (entry.engine, entry.name, entry.files) == ("parrot", "parrot", {})


@pytest.mark.parametrize(
    ("written", "base_url", "model"),
    [
        ("http://host:11434/v1#qwen3:4b", "http://host:11434/v1", "qwen3:4b"),
        ("https://host/api/v1#org/model", "https://host/api/v1", "org/model"),
        ("http://[::1]:80/v1", "http://[::1]:80/v1", None),
    ],
)
def test_an_address_is_that_of_a_server_and_its_model(written, base_url, model):
    entry, files, options = found("language_model", written)
    assert (entry.engine, entry.name) == ("http-language-model", model or "http-language-model")
    assert options == {"base_url": base_url, "model": model}
    assert not files


def test_options_go_over_what_the_address_says():
    choice = Choice(use="http://host/v1#a", options={"model": "b", "retries": 1})
    assert found("synthesizer", choice).options == {
        "base_url": "http://host/v1",
        "model": "b",
        "retries": 1,
    }


def test_servers_do_not_detect_voices():
    assert "but servers can only be: transcriber, " in refusal("voice_detector", "http://host/v1")


@pytest.mark.parametrize("written", ["ftp://host/v1", "http:///v1#x"])
def test_what_looks_like_an_address_has_to_be_one(written):
    assert "begins with http:// or https:// and a host" in refusal("transcriber", written)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("http://localhost:99999999/v1", "Port out of range 0-65535."),
        ("http://localhost:many/v1", "Port could not be cast to integer value as 'many'."),
        ("http://[::1/v1", "Invalid IPv6 URL."),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(written, reason):
    assert refusal("transcriber", written) == f"'{written}' cannot be the transcriber: {reason}"


def test_no_password_of_an_address_is_told():
    for role, scheme in (("voice_detector", "http"), ("transcriber", "ftp")):
        assert "secret" not in refusal(role, f"{scheme}://me:secret@host/v1")


@pytest.mark.parametrize("written", ["localhost:11434/v1", "localhost:11434/v1#m", "gpu.lan:80"])
def test_an_address_that_lacks_its_scheme_is_not_taken_for_a_path(written):
    assert located(written, Path("/etc")) == written
    message = f"If it is the address of a server, write http://{written}."
    assert refusal("language_model", written).endswith(message)


def test_options_are_taken_from_the_environment(monkeypatch):
    monkeypatch.setenv("EARS_KEY", "sk-ears")
    choice = Choice(use="http://host/v1", options={"api_key": "env:EARS_KEY"})
    assert found("transcriber", choice).options["api_key"] == "sk-ears"
    monkeypatch.delenv("EARS_KEY")
    assert "variable EARS_KEY, which is not set" in refusal("transcriber", choice)


def test_so_are_those_within_options(monkeypatch):
    monkeypatch.setenv("EARS_KEY", "sk-ears")
    headers, body = {"X-Key": "env:EARS_KEY"}, {"keys": ["env:EARS_KEY", 5], "user": "me"}
    choice = Choice(use="http://host/v1", options={"headers": headers, "body": body})
    options = found("transcriber", choice).options
    assert options["headers"] == {"X-Key": "sk-ears"}
    assert options["body"] == {"keys": ["sk-ears", 5], "user": "me"}
    monkeypatch.delenv("EARS_KEY")
    assert "The option 'headers.X-Key' is to be taken" in refusal("transcriber", choice)


def test_what_was_in_a_variable_is_known_as_such(monkeypatch):
    monkeypatch.setenv("WIDTH", "2048")
    choice = Choice(use="parrot", options={"context_tokens": "env:WIDTH", "name": "env"})
    options = found("transcriber", choice).options
    assert isinstance(options["context_tokens"], FromVariable)
    assert not isinstance(options["name"], FromVariable)


@pytest.mark.parametrize(
    ("role", "path", "engine"),
    [
        ("language_model", "mind.gguf", "llama"),
        ("synthesizer", "en_US-voice.onnx", "piper"),
        ("transcriber", "ct2/model.bin", "faster-whisper"),
        ("transcriber", "parakeet/encoder.onnx", "onnx-asr"),
        ("voice_detector", "vad.onnx", "silero"),
    ],
)
def test_what_runs_a_path_is_told_by_what_it_is(role, path, engine, tmp_path):
    file = tmp_path / path
    file.parent.mkdir(exist_ok=True)
    file.touch()
    chosen = file.parent if file.parent != tmp_path else file
    entry, files, _ = found(role, str(chosen))
    assert (entry.engine, files) == (engine, {"model": chosen})


def test_a_path_in_the_working_directory_is_one_by_its_dot(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mind.gguf").touch()
    assert found("language_model", "./mind.gguf").entry.engine == "llama"


@pytest.mark.parametrize("name", ["nowhere.gguf", "voice.onnx", "model.bin", "somewhere"])
def test_a_name_that_is_more_likely_a_path_is_refused_with_how_to_write_one(
    name, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "somewhere").mkdir()
    message = f"There is no language_model named '{name}'. If it is a file, write './{name}'"
    assert refusal("language_model", name).startswith(message)


def test_a_package_may_be_called_like_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "llama").mkdir()
    assert found("language_model", "llama").entry.engine == "llama"


def test_the_operator_may_say_what_runs_a_path(tmp_path):
    choice = Choice(use=str(tmp_path), engine="parrot")
    assert found("transcriber", choice).entry.engine == "parrot"


def test_a_path_that_nothing_runs_is_answered_with_what_would_be(tmp_path):
    message = refusal("transcriber", str(tmp_path))
    assert "a folder with a CTranslate2 'model.bin' (faster-whisper)" in message
    assert 'engine = "…"' in message
    assert refusal("language_model", "./nowhere.gguf").endswith(
        "is to be nowhere.gguf, but there is nothing."
    )


def test_weights_of_the_hub_are_looked_up_in_the_home(tmp_path):
    choice = choice_of("hf:owner/repo/mind.gguf")
    with pytest.raises(WeightsError, match=r"antiphon models fetch hf:owner/repo/mind\.gguf"):
        candidate("language_model", choice, CATALOGUE, tmp_path)


def test_they_are_as_they_are_in_a_file():
    assert located("hf:owner/repo/mind.gguf", Path("etc")) == "hf:owner/repo/mind.gguf"
