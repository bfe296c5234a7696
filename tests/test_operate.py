"""The commands of docs/operate.md, in order, as a stranger would type them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.operating import STAND_INS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "operate.md"
FOLDERS = ("/opt/antiphon", "/etc", "/var")
"""Of the machine; they are looked for in a folder of the test's."""

ROLES = (
    *("TRANSCRIBER", "LANGUAGE_MODEL", "SYNTHESIZER", "VOICE_DETECTOR", "TURN_PREDICTOR"),
    "DENOISER",
)
TIMEOUT_S = 300.0


def blocks() -> list[str]:
    found: list[str] = re.findall(r"(?ms)^```sh\n(.*?)^```$", PAGE.read_text())
    return found


@pytest.fixture
def machine(tmp_path):
    """A folder that stands for a machine's root, and another with a checkout to be in."""
    root = tmp_path / "root"
    for folder in (
        "opt/antiphon/bin",
        "etc/systemd/system",
        "etc/caddy",
        "var/lib/antiphon",
        "bin",
    ):
        root.joinpath(folder).mkdir(parents=True)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("deploy", "examples", "constraints.txt", "pyproject.toml"):
        checkout.joinpath(name).symlink_to(ROOT / name)
    _program(root / "opt/antiphon/bin/antiphon", f'exec {sys.executable} -m antiphon.cli "$@"')
    _program(root / "opt/antiphon/bin/python", f'exec {sys.executable} "$@"')
    _program(root / "bin/python3", "")  # which makes the environment
    for name in STAND_INS:
        folder = root / ("opt/antiphon/bin" if name == "pip" else "bin")
        here = f"PYTHONPATH={ROOT} OPERATED_ROOT={root}"
        start = f"import sys; sys.argv[0] = '{name}'; from runpy import run_module as r; "
        run = f"{start}r('tests.operating', run_name='__main__', alter_sys=False)"
        _program(folder / name, f'{here} exec {sys.executable} -c "{run}" "$@"')
    yield root, checkout
    pid_file = root / "pid"
    if pid_file.exists() and Path(f"/proc/{pid_file.read_text()}").exists():
        os.kill(int(pid_file.read_text()), signal.SIGKILL)


def test_every_command_of_the_page_works(machine):
    root, checkout = machine
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    script = "\n".join(["set -euxo pipefail", *blocks()])
    for folder in FOLDERS:
        script = re.sub(rf"(?<![\w.]){folder}\b", f"{root}{folder}", script)
    script = script.replace("127.0.0.1:8000/", f"127.0.0.1:{port}/")
    script = script.replace("antiphon ask ", f"antiphon ask --url http://127.0.0.1:{port}/v1 ")
    variables = {
        **{f"ANTIPHON_{role}": "scripted" for role in ROLES},
        "ANTIPHON_PORT": port,
        "PATH": f"{root}/bin:{os.environ['PATH']}",
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANTIPHON_")}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=checkout,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told = done.stdout
    assert '"ready":true' in told
    assert "antiphon_ready 1" in told
    assert root.joinpath("var/backups/antiphon/antiphon.db").stat().st_size > 0


def test_what_the_page_links_to_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", PAGE.read_text())
    assert [link for link in links if not PAGE.parent.joinpath(link).exists()] == []


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/bash\n{line}\n")
    path.chmod(0o755)
