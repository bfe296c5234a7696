from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import get_args

import pytest
from click.testing import CliRunner

from antiphon.cli import main
from antiphon.engines.base import Role
from antiphon.engines.catalogue import builtin_catalogue
from antiphon.engines.weights.store import path_of, sha256_of
from tests.engines.hub_stand_in import COMMIT, hub_settings, hub_stand_in

REPO = "someone/tiny-model"
CONTENT = b"gguf" * 1_000


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def run(home):
    """Run ``antiphon models …`` with a home of its own."""

    def invoke(*arguments):
        environment = {"ANTIPHON_HOME": str(home)}
        return CliRunner().invoke(main, ["models", *arguments], env=environment)

    return invoke


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hub_stand_in(monkeypatch, tmp_path) as stand_in:
        stand_in.offer(REPO, {"model.gguf": CONTENT, "README.md": b"#"}, large=["model.gguf"])
        yield stand_in


def row_of(listing, name):
    (row,) = (line for line in listing.output.splitlines() if name in line)
    return row


# --- listing --------------------------------------------------------------------------------------


def test_all_engines_are_listed_with_their_roles_sizes_licences_and_states(run):
    listing = run()
    assert listing.exit_code == 0
    heading, *rows = listing.output.splitlines()
    assert " ".join(heading.split()) == "ROLE NAME SIZE SPEED LANGUAGES STATE LICENCE"
    assert {row.split()[0] for row in rows[: rows.index("")]} == set(get_args(Role))
    row = " ".join(row_of(listing, "silero-vad").split())
    assert row == "voice_detector silero-vad * 2.3 MB fast to fetch MIT"
    assert "en zh fr +10" in row_of(listing, "qwen2.5-coder-0.5b")
    assert "smollm2-135m (fast)" in listing.output


def test_one_role_can_be_listed(run):
    listing = run("--role", "synthesizer")
    assert "piper-en-us-joe" in listing.output
    assert "moonshine" not in listing.output


def test_an_engine_that_is_not_installed_says_which_extra_installs_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "needs antiphon[local]" in row_of(run(), "silero-vad")


def test_programs_get_json(run, hub):
    run("fetch", f"hf:{REPO}/model.gguf")
    listed = {(one["role"], one["name"]): one for one in json.loads(run("--json").output)}
    assert listed["transcriber", "moonshine-tiny-en"]["size_bytes"] == 43_943_830
    assert listed["transcriber", "moonshine-tiny-en"]["default"] is True
    assert listed["transcriber", "scripted"]["state"] == "ready"
    assert listed[None, f"hf:{REPO}/model.gguf"] == {
        "role": None,
        "name": f"hf:{REPO}/model.gguf",
        "size_bytes": len(CONTENT),
        "licence": "mit",
        "state": "ready",
    }


def test_an_entry_is_shown_with_its_files_and_where_they_come_from(run, home):
    shown = run("show", "silero-vad").output
    (file,) = builtin_catalogue().with_weights("silero-vad").files.values()
    assert "Silero VAD v6" in shown
    assert str(path_of(file, home)) in shown
    assert file.sha256 in shown
    assert "https://github.com/snakers4/silero-vad/" in shown


def test_what_was_fetched_by_reference_is_shown(run, hub, home):
    reference = f"hf:{REPO}/model.gguf"
    refusal = run("show", reference)
    assert refusal.exit_code == 1
    assert f"antiphon models fetch {reference}" in refusal.output
    run("fetch", reference)
    (path,) = home.rglob("*.gguf")
    shown = run("show", reference).output
    for said in (f"{reference}: ready, {path}", COMMIT, "mit", sha256_of(path)):
        assert said in shown


def test_a_default_that_goes_by_an_alias_has_its_star(run, tmp_path, monkeypatch):
    own = tmp_path / "own.toml"
    own.write_text('[defaults]\nlanguage_model = "fast"\n')
    monkeypatch.setenv("ANTIPHON_CATALOGUE", str(own))
    assert "smollm2-135m (fast) *" in row_of(run(), "smollm2-135m")


def test_an_unknown_name_is_answered_with_the_known_ones(run):
    for command in ("show", "fetch", "verify", "remove"):
        refusal = run(command, "nobody")
        assert refusal.exit_code == 1
        assert "named 'nobody'" in refusal.output
        assert "silero-vad" in refusal.output


# --- fetching, from the hub on this machine -------------------------------------------------------


def test_what_is_fetched_from_the_hub_is_ready_and_listed(run, hub, home):
    fetched = run("fetch", f"hf:{REPO}/model.gguf")
    assert fetched.exit_code == 0
    (path,) = home.rglob("*.gguf")
    assert f"hf:{REPO}/model.gguf: ready, {path}" in fetched.output
    row = " ".join(row_of(run(), f"hf:{REPO}").split())
    assert row == f"hf:{REPO}/model.gguf 0.0 MB ready mit"


def test_another_process_fetches_from_where_the_environment_says_the_hub_is(hub, home):
    command = [sys.executable, "-m", "antiphon.cli", "models", "fetch", f"hf:{REPO}"]
    environment = {**os.environ, "ANTIPHON_HOME": str(home)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert "model.gguf from 127.0.0.1" in done.stderr
    assert {path.name for path in home.rglob("*") if path.is_file()} == {
        ".lock",
        "known.json",
        "model.gguf",
        "README.md",
    }


def test_a_reference_that_cannot_be_fetched_says_why(run, hub, monkeypatch):
    with hub_settings(monkeypatch, HF_HUB_OFFLINE="1"):
        refusal = run("fetch", f"hf:{REPO}/model.gguf")
    assert refusal.exit_code == 1
    assert "HF_HUB_OFFLINE is set" in refusal.output
    assert "name their path instead" in refusal.output


def test_what_cannot_be_fetched_does_not_keep_the_others_from_it(run, hub, home):
    fetched = run("fetch", f"hf:{REPO}/absent.gguf", f"hf:{REPO}/model.gguf", f"hf:{REPO}/no.gguf")
    assert fetched.exit_code == 1
    assert "the repository has no absent.gguf" in " ".join(fetched.output.split())
    assert f"hf:{REPO}/model.gguf: ready" in fetched.output
    assert "the repository has no no.gguf" in " ".join(fetched.output.split())


def test_what_is_no_reference_is_refused(run):
    refusal = run("fetch", "hf:../../etc")
    assert refusal.exit_code == 1
    assert "hf:OWNER/REPO[/PATH][@REVISION]" in refusal.output


# --- keeping --------------------------------------------------------------------------------------


def test_damage_is_found_and_repaired(run, hub, home):
    reference = f"hf:{REPO}/model.gguf"
    run("fetch", reference)
    assert run("verify").exit_code == 0
    (path,) = home.rglob("*.gguf")
    path.write_bytes(b"x" * len(CONTENT))
    for names in ((), (reference,)):
        found = run("verify", *names)
        assert found.exit_code == 1
        assert f"{path} is damaged. Run: antiphon models fetch --verify {reference}" in found.output
    assert run("fetch", "--verify", reference).exit_code == 0
    assert path.read_bytes() == CONTENT


def test_damage_to_an_entry_of_the_catalogue_is_found(run, home):
    (file,) = builtin_catalogue().with_weights("silero-vad").files.values()
    path = path_of(file, home)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * file.bytes)
    found = run("verify")
    assert found.exit_code == 1
    assert "antiphon models fetch --verify silero-vad" in found.output


def test_what_is_removed_is_gone(run, hub, home):
    run("fetch", f"hf:{REPO}/model.gguf")
    (file,) = builtin_catalogue().with_weights("silero-vad").files.values()
    path = path_of(file, home)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 96_000)
    removed = run("remove", "silero-vad", f"hf:{REPO}/model.gguf")
    assert removed.output == "Freed 0.1 MB.\n"
    assert not path.exists()
    assert list(home.rglob("*.gguf")) == []
    assert f"hf:{REPO}" not in run().output
