"""Where a server keeps what it cannot fetch again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from antiphon.engines.weights.store import cache_home

__all__ = ["data_home"]


def data_home(home: Path) -> Path:
    """Return the folder for the database and the key that seals client secrets.

    It is the server's home, unless nobody chose one: that is the user's cache folder, which is
    right for weights, but may be emptied at any time. Then it is the user's data folder.

    Args:
        home: The server's home.
    """
    if home != cache_home():
        return home
    if sys.platform == "win32":
        folder = os.environ.get("APPDATA", "~/AppData/Roaming")
    elif sys.platform == "darwin":
        folder = "~/Library/Application Support"
    else:  # XDG Base Directory Specification
        folder = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(folder).expanduser() / "antiphon"
