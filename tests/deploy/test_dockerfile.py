"""What the Dockerfile relies on; it is not built here, where there may be nothing to build it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from anyio import to_thread

from antiphon.config import load
from tests.support.server import running_server

ROOT = Path(__file__).parents[2]
RECIPE = ROOT.joinpath("deploy/Dockerfile").read_text().replace("\\\n", "")


def only(pattern: str) -> str:
    (found,) = re.findall(pattern, RECIPE, re.MULTILINE)
    return str(found)


def test_what_is_copied_is_there_and_sent_along():
    copied = [name for line in re.findall(r"(?m)^COPY (?!--)(.*)", RECIPE) for name in line.split()]
    kept = ROOT.joinpath(".dockerignore").read_text().splitlines()
    for name in {"constraints.txt", "pyproject.toml", "README.md", "LICENSE", "src"} & set(copied):
        assert ROOT.joinpath(name).exists()
        assert f"!{name}" in kept
    assert "*" in kept


def test_what_it_installs_by_default_are_extras_of_the_package():
    extras = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]
    assert set(only(r"^ARG EXTRAS=(.*)$").split(",")) <= set(extras["optional-dependencies"])


def test_its_environment_configures_the_server():
    variables = dict(re.findall(r"(ANTIPHON_\w+)=(\S+)", only(r"^ENV (.*)$")))
    config, _ = load(environment={**variables, "ANTIPHON_API_KEYS": "sk-one"})
    assert (config.host, str(config.home)) == ("0.0.0.0", "/var/lib/antiphon")
    assert f"VOLUME {config.home}\n" in RECIPE
    assert f"EXPOSE {config.port}\n" in RECIPE


def test_whoever_runs_it_is_not_root():
    assert int(only(r"^USER (\d+)$")) > 0
    assert f"--uid {only(r'^USER (.*)$')} " in RECIPE


@pytest.mark.parametrize("tells", [0, 1])
async def test_its_health_check_knows_a_server_that_answers_from_one_that_does_not(tells):
    _, *arguments = json.loads(only(r"^HEALTHCHECK .*?CMD (\[.*\])$"))
    async with running_server() as server:
        port = str(urlsplit(server.url).port) if tells == 0 else "9"
        command = [sys.executable, *(part.replace("8000", port) for part in arguments)]
        done = await to_thread.run_sync(
            lambda: subprocess.run(command, capture_output=True, check=False)
        )
    assert done.returncode == tells
