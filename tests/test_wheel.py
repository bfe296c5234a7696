"""The package as others install it: built, and put beside its dependencies and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from openai import OpenAI

from tests.clients.environments import environment_by

ROOT = Path(__file__).parents[1]
ROLES = ("transcriber", "language-model", "synthesizer", "voice-detector", "turn-predictor")

NOT_SHIPPED = {".pyc"}
"""Of what lies in the package's folder."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(
        ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__")
    )
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", built, source], check=True)
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """A function that runs a module there, with what is installed without any extra."""
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]
    pins = ROOT / "constraints.txt"
    requirements = tmp_path_factory.mktemp("recipe") / "requirements.txt"
    # The versions stand there as well, so that others make another environment.
    versions = "".join(f"# {line}\n" for line in pins.read_text().splitlines())
    requirements.write_text("\n".join([*project["dependencies"], f"-c {pins}", versions]))
    environment = environment_by("wheel", [requirements])
    installed = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", installed]
    subprocess.run([*pip, wheel], check=True)

    def run(*arguments: str, home: Path, **options) -> subprocess.Popen[str]:
        variables = {"PYTHONPATH": str(installed), "ANTIPHON_HOME": str(home)}
        return subprocess.Popen(
            [environment.python, "-m", *arguments],
            cwd=home,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )

    return run


def test_everything_of_the_package_is_in_the_wheel(wheel):
    package = ROOT / "src" / "antiphon"
    files = {path for path in package.rglob("*") if path.is_file()}
    wanted = {
        str(path.relative_to(package.parent)) for path in files if path.suffix not in NOT_SHIPPED
    }
    with zipfile.ZipFile(wheel) as archive:
        assert wanted - set(archive.namelist()) == set()


def test_it_serves_keeps_and_shows_its_console_without_any_extra(python, tmp_path):
    script = tmp_path / "story.toml"
    script.write_text('[[answers]]\nsteps = [{ do = "say", text = "I am installed." }]\n')
    engines = [f"--{role}=scripted" for role in (*ROLES, "denoiser")]
    command = ["antiphon.cli", "serve", "--port=0", *engines, f"--script={script}"]
    with python(*command, home=tmp_path) as server:
        try:
            announced = re.search(r"Base URL: (\S+)", server.stdout.readline())
            assert announced, "it did not begin to serve"
            with OpenAI(base_url=announced[1], api_key="any") as client:
                response = _asked(client)
                kept = client.get(f"/realtime/responses/{response.id}", cast_to=dict[str, object])
                page = client.get(announced[1].removesuffix("/v1"), cast_to=str)
        finally:
            server.terminate()
    assert response.output[0].content[0].text == "I am installed."
    assert kept["status"] == "completed"
    assert "<title>" in page
    assert server.returncode == 0


def _asked(client: OpenAI):
    with client.realtime.connect(model="antiphon") as connection:
        connection.response.create(response={"output_modalities": ["text"]})
        for event in connection:
            assert event.type != "error", event
            if event.type == "response.done":
                return event.response
    raise AssertionError("the connection was closed")
