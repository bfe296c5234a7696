"""Fetches, checks and removes what references to the hub name; see ``hub.py``."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from antiphon.engines.catalogue import HubSource
from antiphon.engines.weights.hub import (
    KnownFile,
    KnownReference,
    Reference,
    has_size,
    known_references,
    local_path_of,
    missing_of,
    remember,
)
from antiphon.engines.weights.hub_library import HubRepo
from antiphon.engines.weights.incoming import (
    Incoming,
    SourceError,
    WrongBytesError,
    bytes_to_come,
)
from antiphon.engines.weights.progress import PlainProgress, Progress
from antiphon.engines.weights.sources import Sources
from antiphon.engines.weights.store import fetching, require_room, sha256_of
from antiphon.errors import ConfigurationError, WeightsError

__all__ = ["damaged_of", "fetch_reference", "forget"]


def fetch_reference(text: str, home: Path, progress: Progress | None = None) -> Path:
    """Make sure that what a reference names is there.

    Blocks while it downloads. Several processes may fetch at the same time, as for
    :func:`antiphon.engines.weights.store.fetch_all`.

    Args:
        text: The reference.
        home: Where to keep it.
        progress: Told what happens; lines on standard error if not given.

    Returns:
        Where it is.

    Raises:
        ConfigurationError: It is no reference.
        WeightsError: The hub does not deliver it, or there is no room.
    """
    reference = Reference.parse(text)
    with suppress(WeightsError):
        return local_path_of(text, home)
    with fetching(home, progress or PlainProgress()) as sources:
        known = known_references(home)
        try:
            if reference in known:
                _fetch_missing(reference, known[reference], home, sources)
            else:
                repo = sources.hub.listing(reference.repo, reference.revision)
                first = _fetch_first(reference, repo, home, sources)
                remember({**known, reference: first}, home)
        except SourceError as error:
            message = (
                f"{reference} could not be fetched: {error}.\nTry again when that has changed; or "
                "bring the files here by other means, and name their path instead."
            )
            raise WeightsError(message) from error
    return local_path_of(text, home)


def damaged_of(reference: Reference, known: KnownReference, home: Path) -> tuple[Path, ...]:
    """The files of a reference that are there, but are not what was fetched first.

    Reads all of them.
    """
    folder = known.folder(reference, home)
    paths = {folder / file.path: file.sha256 for file in known.files}
    return tuple(
        path for path, sha256 in paths.items() if path.is_file() and sha256_of(path) != sha256
    )


def forget(reference: Reference, home: Path) -> int:
    """Remove what a reference names, except files that other references name as well.

    Returns:
        How many bytes that has freed.

    Raises:
        ConfigurationError: It has not been fetched.
        WeightsError: It cannot be removed.
    """
    with fetching(home, PlainProgress()):
        known = dict(known_references(home))
        if reference not in known:
            message = f"{reference} has not been fetched, so there is nothing to remove."
            raise ConfigurationError(message)
        removed = known.pop(reference)
        remember(known, home)
        needed = {
            other.folder(named, home) / file.path
            for named, other in known.items()
            for file in other.files
        }
        folder = removed.folder(reference, home)
        freed_bytes = 0
        for path in (folder / file.path for file in removed.files):
            if path not in needed and path.is_file():
                freed_bytes += path.stat().st_size
                path.unlink()
                _remove_empty(path.parent, home / "weights" / "hub")
        return freed_bytes


def _fetch_missing(
    reference: Reference, known: KnownReference, home: Path, sources: Sources
) -> None:
    missing = missing_of(reference, known, home)
    folder = known.folder(reference, home)
    needed_bytes = sum(bytes_to_come(folder / file.path, file.bytes) for file in missing)
    require_room(home, needed_bytes, str(reference))
    for file in missing:
        source = HubSource(reference.repo, known.commit, file.path)
        _deliver(source, folder / file.path, file.bytes, file.sha256, sources)


def _fetch_first(
    reference: Reference, repo: HubRepo, home: Path, sources: Sources
) -> KnownReference:
    """Fetch what the hub lists, and say what came."""
    belongs = _belonging_to(reference.path)
    if impossible := [name for name in repo.impossible if belongs(name)]:
        raise SourceError(f"no file may be kept here under the name {impossible[0]!r}")
    listed = [file for file in repo.files if belongs(file.path)]
    if not listed:
        message = f"at {repo.commit[:12]} the repository has no {reference.path or 'files'}"
        raise SourceError(message)
    known = KnownReference(commit=repo.commit, licence=repo.licence, files=())
    folder = known.folder(reference, home)
    needed_bytes = sum(
        bytes_to_come(folder / file.path, file.bytes)
        for file in listed
        if not has_size(folder / file.path, file.bytes)
    )
    require_room(home, needed_bytes, str(reference))
    files = []
    for file in listed:
        path = folder / file.path
        # Another reference, or a fetch that was interrupted, may have brought it already.
        sha256 = sha256_of(path) if has_size(path, file.bytes) else None
        if sha256 is None or (file.sha256 and sha256 != file.sha256):
            source = HubSource(reference.repo, repo.commit, file.path)
            sha256 = _deliver(source, path, file.bytes, file.sha256, sources)
        files.append(KnownFile(file.path, file.bytes, sha256))
    return replace(known, files=tuple(files))


def _deliver(
    source: HubSource, path: Path, size_bytes: int, sha256: str | None, sources: Sources
) -> str:
    """Fetch a file from the hub; return its hash."""
    with Incoming(path, size_bytes, sha256) as incoming:
        try:
            sources.deliver(source, incoming)
            incoming.accept()
        except SourceError as error:
            if isinstance(error, WrongBytesError):
                incoming.restart()
            raise type(error)(f"{source.file}: {error}") from error
        return incoming.sha256


def _belonging_to(path: str | None) -> Callable[[str], bool]:
    """Return what tells a reference's files from the others of the repository."""
    if path is None:  # hidden files are the repository's own business
        return lambda listed: not any(part.startswith(".") for part in listed.split("/"))
    # Piper looks for a voice's settings beside it, ONNX Runtime for tensors beyond 2 GB.
    named = {path, f"{path}.json", f"{path}.data", f"{path}_data"}
    if split := re.fullmatch(r"(.+-)\d{5}-of-(\d{5})\.gguf", path):  # a model that gguf-split cut
        begin, count = split.groups()
        named |= {f"{begin}{n:05}-of-{count}.gguf" for n in range(1, int(count) + 1)}
    return lambda listed: listed in named or listed.startswith(f"{path}/")


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder, and those above it but not the top, as far as they are empty."""
    with suppress(OSError):  # the first that is not empty
        while folder != top:
            folder.rmdir()
            folder = folder.parent
