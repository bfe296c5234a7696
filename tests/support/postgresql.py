"""A PostgreSQL server of the tests' own, in a temporary folder, reached by a socket in it."""

from __future__ import annotations

import getpass
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Cluster", "cluster", "programs"]

_USER = "postgres"


def programs() -> Path | None:
    """Return where PostgreSQL's programs are; ``None`` if they are not installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    # Debian keeps each version apart, out of the path.
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


class Cluster:
    """A server that can be stopped and started.

    Args:
        binaries: Where its programs are.
        folder: Where its data is, and its socket.
    """

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._numbers = itertools.count()

    def make(self) -> None:
        """Make its data, and start it."""
        self._run(
            "initdb",
            "--username",
            _USER,
            "--auth",
            "trust",
            "--no-sync",
            "--no-locale",
            "-E",
            "UTF8",
        )
        self.start()

    def start(self) -> None:
        """Start it, and wait until it can be reached."""
        options = f"-c listen_addresses= -c fsync=off -k {self._folder}"
        log = str(self._folder / "log")
        self._run("pg_ctl", "--wait", "--log", log, "--options", options, "start")

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._run("pg_ctl", "--wait", "--mode", "immediate", "stop")

    def database(self) -> str:
        """Make a database; return its URL."""
        name = f"antiphon_{next(self._numbers)}"
        self._run("createdb", "--host", str(self._folder), "--username", _USER, name, data=False)
        return f"postgresql://{_USER}@/{name}?host={self._folder}"

    def _run(self, program: str, *arguments: str, data: bool = True) -> None:
        where = ["--pgdata", str(self._folder / "data")] if data else []
        command = [str(self._binaries / program), *where, *arguments]
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            command = ["runuser", "-u", _USER, "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)


@contextmanager
def cluster(binaries: Path) -> Iterator[Cluster]:
    """Run a server until the context ends."""
    # Not in pytest's own folder, which only the user of the tests may look into.
    with tempfile.TemporaryDirectory(prefix="antiphon-pg-") as name:
        folder = Path(name)
        shutil.chown(folder, _USER if os.getuid() == 0 else getpass.getuser())
        running = Cluster(binaries, folder)
        running.make()
        try:
            yield running
        finally:
            running.stop()
