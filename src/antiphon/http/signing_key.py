"""The key that client secrets are sealed with: made once, kept where only its owner can read it."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import tempfile
from pathlib import Path

__all__ = ["signing_key"]

_log = logging.getLogger(__name__)

KEY_BYTES = 32


def signing_key(path: Path) -> bytes:
    """Return the key kept in a file; make both if there is none.

    Where the file cannot be kept, the key lasts as long as the process, and so do the secrets that
    are signed with it: a log line says so.
    """
    try:
        return _read(path) or _make(path)
    except OSError as error:
        _log.warning(
            "The key for client secrets cannot be kept in %s (%s); secrets will end with this "
            "process. Set ANTIPHON_HOME to a folder that can be written.",
            path,
            error,
        )
        return secrets.token_bytes(KEY_BYTES)


def _read(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(key) != KEY_BYTES:
        message = f"it holds {len(key)} bytes where a key has {KEY_BYTES}; delete it"
        raise OSError(message)
    return key


def _make(path: Path) -> bytes:
    """Make the file as a whole, so that of two processes that start at once both use one key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # of mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):  # the other process was first
            path.hardlink_to(draft)
    finally:
        Path(draft).unlink()
    key = _read(path)
    assert key is not None
    return key
