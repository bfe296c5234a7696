"""The unit in deploy/, and the server as systemd has to do with it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from antiphon.config.fields import DRAIN_S
from antiphon.runtime.hosts import CLOSE_TIMEOUT_S

UNIT = Path(__file__).parents[2] / "deploy" / "antiphon.service"
PATIENCE_S = 30.0
EXPOSURE = 2.0
"""Of 10, by systemd's own reckoning; the unit has 1.4."""


@pytest.fixture(scope="module")
def analyze(tmp_path_factory):
    """A function that runs ``systemd-analyze`` with the unit, as if it were installed."""
    if shutil.which("systemd-analyze") is None:
        assert not os.environ.get("CI"), "systemd has to be installed where CI is set"
        pytest.skip("systemd is not installed")
    installed = Path(sys.executable).parent
    unit = tmp_path_factory.mktemp("units") / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/antiphon/bin", str(installed)))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["systemd-analyze", *arguments, str(unit)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_systemd_finds_nothing_wrong_with_the_unit(analyze):
    done = analyze("verify", "--man=no")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_the_unit_leaves_open_is_little(analyze):
    told = analyze("security", "--offline=true", "--no-pager").stdout
    (exposure,) = re.findall(r"exposure level for antiphon\.service: ([0-9.]+)", told)
    assert float(exposure) <= EXPOSURE


def test_the_unit_is_more_patient_than_the_server_drains():
    (patience_s,) = re.findall(r"^TimeoutStopSec=(\d+)s$", UNIT.read_text(), re.MULTILINE)
    assert int(patience_s) > DRAIN_S + CLOSE_TIMEOUT_S


def test_a_server_tells_systemd_how_it_is(tmp_path):
    scripted = ("transcriber", "language-model", "synthesizer", "voice-detector", "turn-predictor")
    command = [sys.executable, "-m", "antiphon.cli", "serve", "--port=0", "--denoiser=scripted"]
    command += [f"--{role}=scripted" for role in scripted]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_S)
        variables = {
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "ANTIPHON_HOME": str(tmp_path),
            "WATCHDOG_USEC": "60000000",
        }

        def told() -> str:
            return systemd.recv(4096).decode()

        with subprocess.Popen(command, env={**os.environ, **variables}) as server:
            try:
                assert told() == "READY=1"
                assert told() == "WATCHDOG=1"
                server.send_signal(signal.SIGHUP)
                assert told().startswith("RELOADING=1\nMONOTONIC_USEC=")
                assert told() == "READY=1"
                server.send_signal(signal.SIGTERM)
                assert told() == "STOPPING=1"
                assert server.wait(PATIENCE_S) == 0
            finally:
                server.kill()
