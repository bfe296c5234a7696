import json

import pytest

from antiphon.engines.weights.hub import (
    KnownFile,
    KnownReference,
    Reference,
    is_reference,
    known_references,
    local_path_of,
    missing_of,
    remember,
)
from antiphon.errors import ConfigurationError, WeightsError
from tests.engines.hub_stand_in import COMMIT

REFERENCE = Reference("someone/tiny-model", "q4/model.gguf")
KNOWN = KnownReference(
    commit=COMMIT, licence="mit", files=(KnownFile("q4/model.gguf", 5, "0" * 64),)
)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("hf:a/b", Reference("a/b")),
        ("hf:a/b/c.gguf", Reference("a/b", "c.gguf")),
        ("hf:a/b/c/d.onnx", Reference("a/b", "c/d.onnx")),
        ("hf:a/b/c/", Reference("a/b", "c")),
        ("hf:a/b@v1.0", Reference("a/b", revision="v1.0")),
        ("hf:a/b/c.gguf@refs/pr/1", Reference("a/b", "c.gguf", "refs/pr/1")),
    ],
)
def test_a_reference_is_a_repository_a_path_and_a_revision(text, reference):
    assert is_reference(text)
    assert Reference.parse(text) == reference
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    ["hf:", "hf:a", "hf:a/b/../c", "hf:../b", "hf:a/b/c:d", "hf:a/b@../x", "hf:a/b//c", "hf:a/b@"],
)
def test_what_is_no_reference_is_refused_with_an_example(text):
    with pytest.raises(ConfigurationError, match="for example hf:Qwen/"):
        Reference.parse(text)


def test_names_and_paths_are_no_references():
    assert not is_reference("moonshine-tiny-en")
    assert not is_reference("./hf/model.gguf")


def test_what_was_not_fetched_comes_with_the_command_that_fetches_it(tmp_path):
    with pytest.raises(WeightsError, match="antiphon models fetch hf:someone/tiny-model/q4/model"):
        local_path_of(str(REFERENCE), tmp_path)


def test_what_was_fetched_is_found_without_asking_anybody(tmp_path):
    remember({REFERENCE: KNOWN}, tmp_path)
    assert missing_of(REFERENCE, KNOWN, tmp_path) == KNOWN.files
    path = KNOWN.folder(REFERENCE, tmp_path) / "q4" / "model.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"bytes")
    assert local_path_of(str(REFERENCE), tmp_path) == path
    path.write_bytes(b"byte")
    with pytest.raises(WeightsError, match="antiphon models fetch"):
        local_path_of(str(REFERENCE), tmp_path)


def test_what_is_remembered_is_read_again(tmp_path):
    assert known_references(tmp_path) == {}
    remember({REFERENCE: KNOWN}, tmp_path)
    assert known_references(tmp_path) == {REFERENCE: KNOWN}


def note_of(tmp_path, text):
    remember({REFERENCE: KNOWN}, tmp_path)
    (note,) = tmp_path.rglob("known.json")
    note.write_text(text)


@pytest.mark.parametrize("path", ["../../../../etc/passwd", "/etc/passwd", "C:/x"])
def test_a_note_cannot_lead_out_of_the_home(tmp_path, path):
    file = {"path": path, "bytes": 1, "sha256": "0" * 64}
    note_of(tmp_path, json.dumps({"hf:a/b": {"commit": COMMIT, "files": [file]}}))
    with pytest.raises(WeightsError, match=r"known\.json, which says .* cannot be read"):
        known_references(tmp_path)


@pytest.mark.parametrize("text", ["", "{", '{"nothing": {}}'])
def test_a_damaged_note_is_named(tmp_path, text):
    note_of(tmp_path, text)
    with pytest.raises(WeightsError, match=r"known\.json, which says .* Remove it"):
        local_path_of("hf:a/b", tmp_path)
