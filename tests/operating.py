"""Stand-ins for what docs/operate.md does to a machine, in a folder that stands for its root.

Each is this file, run under the name of the command that it stands for. ``systemctl`` really starts
and stops the server of the unit; the others only look whether they are asked for something that
there is.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 60.0


def systemctl(root: Path, arguments: list[str]) -> None:
    """Do as systemd does with the unit of the server; units of proxies are just there."""
    (verb, *units) = [argument for argument in arguments if not argument.startswith("-")]
    if units != ["antiphon"]:
        assert verb == "daemon-reload" or units == ["caddy"], arguments
        return
    acts = {
        "enable": [_start],
        "start": [_start],
        "stop": [_stop],
        "restart": [_stop, _start],
        "reload": [_reload],
    }
    for act in acts[verb]:
        act(root)


def docker(root: Path, arguments: list[str]) -> None:
    """See whether what is to be built is there."""
    (verb, *rest) = arguments
    assert verb in ("build", "run")
    if verb == "build":
        assert Path(rest[rest.index("-f") + 1]).is_file()


def pip(root: Path, arguments: list[str]) -> None:
    """See whether what is to be installed is there."""
    (verb, _, constraints, package) = arguments
    assert verb == "install"
    extras = re.fullmatch(r"\.\[(.*)\]", package)
    assert extras
    project = Path("pyproject.toml").read_text()
    for extra in extras[1].split(","):
        assert f"\n{extra} = [" in project, extra
    assert Path(constraints).is_file()


def journalctl(root: Path, arguments: list[str]) -> None:
    """Print the server's log."""
    print(_log(root).read_text())


def runuser(root: Path, arguments: list[str]) -> None:
    """Run a command as who the test is run by."""
    (_, _, separator, *command) = arguments
    assert separator == "--"
    subprocess.run(command, check=True)


def nothing(root: Path, arguments: list[str]) -> None:
    """Leave packages, users and groups of the machine alone."""


STAND_INS: dict[str, Callable[[Path, list[str]], None]] = {
    "systemctl": systemctl,
    "docker": docker,
    "pip": pip,
    "journalctl": journalctl,
    "apt-get": nothing,
    "runuser": runuser,
    "useradd": nothing,
    "chown": nothing,
}


def _start(root: Path) -> None:
    unit = root.joinpath("etc/systemd/system/antiphon.service").read_text()
    (environment,) = re.findall(r"(?m)^Environment=(.*)$", unit)
    variables = dict(pair.split("=", 1) for pair in environment.split())
    for command in re.findall(r"(?m)^ExecStart(?:Pre)?=(.*)$", unit):
        before = _log(root).stat().st_size if _log(root).exists() else 0
        with _log(root).open("a") as log:
            process = subprocess.Popen(
                shlex.split(command.replace("/opt/", f"{root}/opt/")),
                env={**os.environ, **{k: f"{root}{v}" for k, v in variables.items()}},
                cwd=root / "var/lib/antiphon",
                stdout=log,
                stderr=log,
            )
        if command.endswith("serve"):
            _wait_for(root, before, "Antiphon listens.")
            root.joinpath("pid").write_text(str(process.pid))
        else:
            assert process.wait() == 0


def _reload(root: Path) -> None:
    before = _log(root).stat().st_size
    os.kill(_process_id(root), signal.SIGHUP)
    _wait_for(root, before, "the configuration was read again")


def _stop(root: Path) -> None:
    process_id = _process_id(root)
    os.kill(process_id, signal.SIGTERM)
    until_s = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{process_id}/cmdline").exists() and _runs(process_id):
        assert time.monotonic() < until_s, "the server does not end"
        time.sleep(0.02)


def _runs(process_id: int) -> bool:
    """Whether a process has not ended; who ended it may not yet have taken note."""
    try:
        return ") Z " not in Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return False


def _wait_for(root: Path, before_bytes: int, line: str) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while line not in _log(root).read_text()[before_bytes:]:
        assert time.monotonic() < until_s, _log(root).read_text()
        time.sleep(0.02)


def _process_id(root: Path) -> int:
    return int(root.joinpath("pid").read_text())


def _log(root: Path) -> Path:
    return root / "log"


if __name__ == "__main__":
    STAND_INS[Path(sys.argv[0]).name](Path(os.environ["OPERATED_ROOT"]), sys.argv[1:])
