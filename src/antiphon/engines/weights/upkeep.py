"""Checks and removes weights of the catalogue that were fetched."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from antiphon.engines.catalogue import Entry
from antiphon.engines.weights.progress import PlainProgress
from antiphon.engines.weights.store import fetching, missing_files, path_of, sha256_of

__all__ = ["damaged_files", "remove"]


def damaged_files(entry: Entry, home: Path) -> tuple[Path, ...]:
    """The files of an entry that are there, but are not the right ones. Reads all of them."""
    paths = {path_of(file, home): file.sha256 for file in entry.files.values()}
    return tuple(
        path for path, sha256 in paths.items() if path.is_file() and sha256_of(path) != sha256
    )


def remove(entries: Collection[Entry], others: Collection[Entry], home: Path) -> int:
    """Remove the weights of entries, whole or begun, except files that others share and have.

    Args:
        entries: What to remove.
        others: What else the catalogue has; files stay that one of them needs which is all there.
        home: Where weights are kept.

    Returns:
        How many bytes that has freed.

    Raises:
        WeightsError: They cannot be removed.
    """
    needed = {
        path_of(file, home)
        for other in others
        if other not in entries and not missing_files(other, home)
        for file in other.files.values()
    }
    freed_bytes = 0
    with fetching(home, PlainProgress()):
        for path in {path_of(file, home) for entry in entries for file in entry.files.values()}:
            if path in needed:
                continue
            for there in (path, path.with_name(path.name + ".part")):
                if there.is_file():
                    freed_bytes += there.stat().st_size
                    there.unlink()
            with suppress(OSError):  # not there, or another file has the same bytes
                path.parent.rmdir()
    return freed_bytes
