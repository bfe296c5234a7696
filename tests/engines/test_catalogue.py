from typing import get_args

import msgspec
import pytest

from antiphon.engines.base import Role
from antiphon.engines.catalogue import (
    Catalogue,
    Entry,
    HubSource,
    PathSource,
    WheelPart,
    builtin_catalogue,
    merged,
)
from antiphon.errors import ConfigurationError

ROLES = get_args(Role)
CATALOGUE = builtin_catalogue()

# What each engine looks for in its settings.
FILE_KEYS = {
    "moonshine": {"encoder", "decoder", "tokenizer"},
    "faster-whisper": {"weights", "config", "tokenizer", "vocabulary"},
    "kokoro": {"model", "voices"},
    "llama": {"model"},
    "onnx-asr": {"encoder", "decoder", "vocabulary", "config"},
    "piper": {"model", "config"},
    "silero": {"model"},
    "smart-turn": {"model"},
}


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_default_and_a_scripted_engine(role):
    assert CATALOGUE.default(role).role == role
    assert CATALOGUE.default(role).name != "scripted"
    assert CATALOGUE.find(role, "scripted").files == {}


@pytest.mark.parametrize("entry", CATALOGUE.entries, ids=lambda entry: entry.name)
def test_every_entry_says_what_it_is_and_under_which_licence(entry):
    assert entry.description
    assert entry.licence
    assert entry.speed
    assert set(entry.files) == FILE_KEYS.get(entry.engine, set())


def test_no_name_or_alias_is_taken_twice():
    for role in ROLES:
        entries = [entry for entry in CATALOGUE.entries if entry.role == role]
        names = [name for entry in entries for name in (entry.name, *entry.aliases)]
        assert len(names) == len(set(names))


def test_official_places_come_before_mirrors_and_are_pinned():
    for entry in CATALOGUE.entries:
        for file in entry.files.values():
            kinds = [type(source).__name__ for source in file.sources]
            assert kinds == sorted(kinds), "the hub or a URL first, wheels after it"
            assert not any("/main/" in getattr(source, "url", "") for source in file.sources)


def test_an_alias_finds_its_entry():
    assert CATALOGUE.find("language_model", "fast").name == "smollm2-135m"


def test_the_language_model_has_a_small_fallback_and_the_others_have_none():
    fallback = CATALOGUE.fallback("language_model")
    assert fallback is not None
    assert fallback.name == "smollm2-135m"
    assert CATALOGUE.fallback("transcriber") is None


def test_size_is_that_of_all_files():
    assert CATALOGUE.default("transcriber").size_bytes == 43_943_830
    assert CATALOGUE.find("synthesizer", "scripted").size_bytes == 0


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ConfigurationError, match="no synthesizer named 'joe'") as refusal:
        CATALOGUE.find("synthesizer", "joe")
    assert f"Known are: {', '.join(CATALOGUE.names('synthesizer'))}." in str(refusal.value)
    assert not CATALOGUE.knows("synthesizer", "joe")


def test_names_belong_to_a_role():
    with pytest.raises(ConfigurationError):
        CATALOGUE.find("synthesizer", "silero-vad")


def test_weights_are_found_whatever_their_role():
    assert CATALOGUE.with_weights("silero-vad").role == "voice_detector"
    assert CATALOGUE.with_weights("fast").name == "smollm2-135m"
    with pytest.raises(ConfigurationError, match="no weights named 'scripted'") as refusal:
        CATALOGUE.with_weights("scripted")
    assert "moonshine-tiny-en" in str(refusal.value)


def test_an_entry_is_found_whatever_its_role_and_whether_or_not_it_has_weights():
    assert [entry.role for entry in CATALOGUE.named("scripted")] == [*CATALOGUE.defaults]
    assert [entry.name for entry in CATALOGUE.named("fast")] == ["smollm2-135m"]
    with pytest.raises(ConfigurationError, match=r"no engine named 'nobody' .* smollm2-135m, "):
        CATALOGUE.named("nobody")


@pytest.mark.parametrize(
    "wheel", ["--index-url=x==1", "name", "name>=1", "name==1 --pre", "git+https://x==1"]
)
def test_a_wheel_is_a_name_and_an_exact_version_and_nothing_pip_could_take_for_more(wheel):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"wheel": wheel, "member": "a"}, WheelPart)


def test_a_misspelt_field_is_an_error():
    text = b'[defaults]\n[[entries]]\nrole = "synthesizer"\nname = "x"\nengine = "x"\nlicense = ""'
    with pytest.raises(msgspec.ValidationError, match="license"):
        msgspec.toml.decode(text, type=Catalogue)


@pytest.mark.parametrize("name", ["../model.bin", "a/b", ".hidden", ""])
def test_a_file_name_cannot_leave_its_folder(name):
    text = f"""
        [defaults]
        [[entries]]
        role = "synthesizer"
        name = "x"
        engine = "x"
        [entries.files.model]
        file = "{name}"
        bytes = 1
        sha256 = "{"0" * 64}"
        sources = [{{ kind = "url", url = "https://example.org/x" }}]
    """
    with pytest.raises(msgspec.ValidationError, match="file"):
        msgspec.toml.decode(text, type=Catalogue)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("repo", "owner"),
        ("repo", "owner/.."),
        ("revision", "main"),
        ("file", "../model.gguf"),
        ("file", "/model.gguf"),
        ("file", "a/../../model.gguf"),
        ("file", "C:model.gguf"),
        ("file", "a\\model.gguf"),
        ("file", "model.gguf\n"),
    ],
)
def test_a_file_of_the_hub_is_pinned_and_inside_its_repository(field, value):
    right = {"kind": "hub", "repo": "a/b", "revision": "0" * 40, "file": "dir/..model.gguf"}
    msgspec.convert(right, HubSource)
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert(right | {field: value}, HubSource)


# --- an operator's own ----------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path):
    def write(text):
        path = tmp_path / "my-models.toml"
        path.write_text(text)
        return path

    return write


ENTRY = """
[[entries]]
role = "{role}"
name = "{name}"
engine = "{engine}"
"""


def entry_text(role="synthesizer", name="my-voice", engine="piper"):
    return ENTRY.format(role=role, name=name, engine=engine)


def test_own_entries_come_beside_those_of_the_catalogue(own):
    both = merged(CATALOGUE, own(entry_text()))
    assert both.find("synthesizer", "my-voice") == Entry(
        role="synthesizer", name="my-voice", engine="piper"
    )
    assert both.defaults == CATALOGUE.defaults
    assert len(both.entries) == len(CATALOGUE.entries) + 1


def test_an_own_entry_replaces_the_one_of_its_role_and_name(own):
    both = merged(CATALOGUE, own(entry_text(name="scripted", engine="mine")))
    assert both.find("synthesizer", "scripted").engine == "mine"
    assert both.find("transcriber", "scripted").engine == "scripted-transcriber"
    assert len(both.entries) == len(CATALOGUE.entries)


FROM_A_PATH = """
[entries.files.model]
file = "model.gguf"
bytes = 3
sha256 = "{sha256}"
sources = [{{ kind = "path", path = "{path}" }}]
"""


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("weights/model.gguf", "{folder}/weights/model.gguf"),
        ("/models/model.gguf", "/models/model.gguf"),
        ("~/model.gguf", "{user}/model.gguf"),
    ],
)
def test_paths_of_an_own_catalogue_begin_at_its_folder(own, tmp_path, monkeypatch, written, path):
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    file = own(entry_text() + FROM_A_PATH.format(sha256="0" * 64, path=written))
    monkeypatch.chdir(tmp_path)
    for named in (file, file.relative_to(tmp_path)):
        entry = merged(CATALOGUE, named).find("synthesizer", "my-voice")
        (source,) = entry.files["model"].sources
        assert source == PathSource(path.format(folder=tmp_path, user=tmp_path / "user"))


def test_own_defaults_go_over_those_of_the_catalogue(own):
    both = merged(CATALOGUE, own('[defaults]\nsynthesizer = "my-voice"\n' + entry_text()))
    assert both.default("synthesizer").name == "my-voice"
    assert both.default("transcriber") == CATALOGUE.default("transcriber")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[defaults]\nsynthesizer = "nobody"', "'nobody' for its synthesizer, .* Known are: piper"),
        (entry_text() + entry_text(), "more than one synthesizer 'my-voice'"),
        (entry_text("language_model", "fast", "llama"), "more than one language_model 'fast'"),
        (entry_text(role="cook"), "cook"),
        ("entries = 3", "Expected `array`"),
        ("[", r"my-models\.toml cannot be used"),
    ],
)
def test_an_own_catalogue_that_cannot_be_used_is_named(own, text, reason):
    path = own(text)
    with pytest.raises(ConfigurationError, match=reason) as refusal:
        merged(CATALOGUE, path)
    assert str(path) in str(refusal.value)


def test_an_own_catalogue_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"absent\.toml cannot be used"):
        merged(CATALOGUE, tmp_path / "absent.toml")
