"""The examples, as their readers run them: copied, installed, and unmodified."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest

import antiphon
from antiphon.engines.base import Role
from antiphon.engines.catalogue import builtin_catalogue
from antiphon.engines.scripted.script import read_script
from tests.clients.environments import environment_of

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
SOURCE = Path(antiphon.__file__).parent.parent

TIMEOUT_S = 120.0
"""Bound on a program; the longest takes some seconds."""


def run(*command: str | Path, cwd: Path, path: tuple[Path, ...]) -> str:
    """Run a program to its end, and return what it printed; it has to succeed."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=variables,
        timeout=TIMEOUT_S,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def command_package(tmp_path_factory):
    """The example of an engine, installed into a folder of its own."""
    copy = tmp_path_factory.mktemp("source") / "antiphon-command"
    shutil.copytree(EXAMPLES / "antiphon-command", copy)
    installed = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(installed)]
    run(*pip, "--no-deps", "--no-build-isolation", str(copy), cwd=copy, path=())
    return copy, installed


def test_the_tests_of_the_example_engine_pass(command_package):
    copy, installed = command_package
    printed = run(sys.executable, "-m", "pytest", "-q", "tests", cwd=copy, path=(installed,))
    assert "skipped" not in printed


def test_the_server_finds_the_example_engine_by_its_name(command_package, tmp_path):
    copy, installed = command_package
    command = json.dumps([sys.executable, str(copy / "tests" / "seconds.py")])
    tmp_path.joinpath("antiphon.toml").write_text(
        f"""
        home = "{tmp_path}"
        voice_detector = "scripted"
        turn_predictor = "scripted"
        language_model = "scripted"
        synthesizer = "scripted"

        [transcriber]
        use = "command"
        options = {{ command = {command} }}
        """
    )
    antiphon_command = [sys.executable, "-m", "antiphon.cli"]
    printed = run(*antiphon_command, "check", cwd=tmp_path, path=(installed,))
    assert "command: ready" in printed
    assert "2.0 seconds of sound" in printed


def test_the_manual_shows_the_example_engine_as_it_is():
    manual = ROOT.joinpath("docs/engines.md").read_text()
    folder = EXAMPLES / "antiphon-command"
    assert folder.joinpath("antiphon_command.py").read_text() in manual
    (name,) = tomllib.loads(folder.joinpath("pyproject.toml").read_text())["project"][
        "entry-points"
    ]["antiphon.engines"]
    assert f'use = "{name}"' in manual


def test_an_engine_is_as_short_as_the_readme_says():
    text = EXAMPLES.joinpath("antiphon-command/antiphon_command.py").read_text()
    code = re.sub(r'""".*?"""', "", text)
    (said,) = re.findall(
        r"of your own in (\d+) lines of code", ROOT.joinpath("README.md").read_text()
    )
    assert len([line for line in code.splitlines() if line.strip()]) == int(said) < 50


def test_the_script_of_the_manual_can_be_acted_out(tmp_path):
    manual = ROOT.joinpath("docs/testing.md").read_text()
    (written,) = re.findall(r"```toml\n(# story\.toml\n.*?)```", manual, re.DOTALL)
    tmp_path.joinpath("story.toml").write_text(written)
    script = read_script({"script": str(tmp_path / "story.toml")}, "generate")
    assert [take.when for take in script.answers] == ["weather", "weather"]


def test_the_command_of_the_manual_takes_neither_weights_nor_extras():
    manual = ROOT.joinpath("docs/testing.md").read_text()
    (command,) = re.findall(r"^antiphon serve .*story\.toml.*$", manual, re.MULTILINE)
    options = command.split()
    catalogue = builtin_catalogue()
    for role in get_args(Role):
        option = f"--{role.replace('_', '-')}"
        if option in options:
            used = catalogue.find(role, options[options.index(option) + 1])
        else:
            used = catalogue.default(role)
        assert not used.requires, role
        assert not used.files, role


def test_the_voice_app_passes_its_tests_with_the_agents_sdk(tmp_path):
    copy = tmp_path / "voice_app"
    shutil.copytree(EXAMPLES / "testing_a_voice_app", copy)
    python = environment_of("voice_app").python
    printed = run(python, "-m", "pytest", "-q", cwd=copy, path=(SOURCE,))
    assert "4 passed" in printed
