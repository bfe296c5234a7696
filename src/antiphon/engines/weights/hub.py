"""Weights that operators take from the Hugging Face hub by themselves: ``hf:OWNER/REPO/FILE``.

===============================================  ==================================================
``hf:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf``  a file, and whatever has to lie beside it
``hf:rhasspy/piper-voices/en/en_US/joe/medium``   a folder
``hf:Systran/faster-whisper-base``               a whole repository
``hf:OWNER/REPO/FILE@REVISION``                  at a commit, branch or tag instead of ``main``
===============================================  ==================================================

Such a reference has no entry in the catalogue, so nobody has said which bytes are right. The first
fetch believes the hub: it notes the commit, and the hash of each file, in
``weights/hub/known.json``. From then on the reference means these bytes, wherever its branch moves
to; later fetches and verifications hold the files to them. To have what is new, remove the
reference and fetch it again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from antiphon.engines.catalogue import CommitHash, RelativePath, RepoName, Sha256
from antiphon.engines.weights.store import fetch_command
from antiphon.errors import ConfigurationError, WeightsError

__all__ = [
    "KnownFile",
    "KnownReference",
    "Reference",
    "has_size",
    "is_reference",
    "known_references",
    "local_path_of",
    "missing_of",
    "remember",
]

_SCHEME = "hf:"


class Reference(Struct, frozen=True):
    """What a reference names.

    Attributes:
        repo: The repository.
        path: A file or folder in it; ``None`` for all of it.
        revision: A commit, branch or tag.
    """

    repo: RepoName
    path: RelativePath | None = None
    revision: RelativePath = "main"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference.

        Raises:
            ConfigurationError: It is none.
        """
        if written := re.fullmatch(r"hf:([^/@]+/[^/@]+)(?:/([^@]+?))?/?(?:@([^@]+))?", text):
            repo, path, revision = written.groups()
            named = {"repo": repo, "path": path, "revision": revision or "main"}
            with suppress(msgspec.ValidationError):
                return msgspec.convert(named, cls)
        message = (
            f"{text!r} names nothing on the Hugging Face hub. Write hf:OWNER/REPO[/PATH][@REVISION]"
            ", without '..', ':' or '\\' in the path; for example "
            "hf:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf."
        )
        raise ConfigurationError(message)

    def __str__(self) -> str:
        path = f"/{self.path}" if self.path else ""
        revision = "" if self.revision == "main" else f"@{self.revision}"
        return f"{_SCHEME}{self.repo}{path}{revision}"


class KnownFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file as the first fetch found it.

    Attributes:
        path: Where it is in its repository.
        bytes: Its size.
        sha256: Its hash.
    """

    path: RelativePath
    bytes: int
    sha256: Sha256


class KnownReference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a reference has meant since it was first fetched.

    Attributes:
        commit: What its revision stood for.
        licence: As the publisher calls it; empty if it says nothing.
        files: What belongs to it.
    """

    commit: CommitHash
    licence: str = ""
    files: tuple[KnownFile, ...]

    @property
    def size_bytes(self) -> int:
        """Size of all its files together."""
        return sum(file.bytes for file in self.files)

    def folder(self, reference: Reference, home: Path) -> Path:
        """Where the files of its repository are kept."""
        return home / "weights" / "hub" / reference.repo / self.commit[:12]


def is_reference(text: str) -> bool:
    """Whether a text is meant to be a reference."""
    return text.startswith(_SCHEME)


def known_references(home: Path) -> Mapping[Reference, KnownReference]:
    """All references that have been fetched.

    Raises:
        WeightsError: The note of them is damaged.
    """
    path = _note(home)
    try:
        known = msgspec.json.decode(path.read_bytes(), type=dict[str, KnownReference])
        return {Reference.parse(text): about for text, about in known.items()}
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, ConfigurationError) as error:
        message = (
            f"{path}, which says what has been fetched from the hub, cannot be read: {error}. "
            "Remove it, and fetch anew what you need."
        )
        raise WeightsError(message) from error


def local_path_of(reference: str, home: Path) -> Path:
    """Where the file or folder that a reference names lies on this machine.

    Raises:
        ConfigurationError: It is no reference.
        WeightsError: It has not been fetched; the message says how to.
    """
    named = Reference.parse(reference)
    known = known_references(home).get(named)
    if known is None or missing_of(named, known, home):
        message = f"{named} is not under {home}. Run: {fetch_command(str(named), home)}"
        raise WeightsError(message)
    return known.folder(named, home) / (named.path or "")


def missing_of(reference: Reference, known: KnownReference, home: Path) -> tuple[KnownFile, ...]:
    """The files of a reference that are not there with their right size."""
    folder = known.folder(reference, home)
    return tuple(file for file in known.files if not has_size(folder / file.path, file.bytes))


def has_size(path: Path, size_bytes: int) -> bool:
    """Whether a file is there with this size."""
    return path.is_file() and path.stat().st_size == size_bytes


def remember(known: Mapping[Reference, KnownReference], home: Path) -> None:
    """Write down all references that have been fetched; readers see the old note or the new."""
    path = _note(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.encode({str(reference): about for reference, about in known.items()})
    new = path.with_name(path.name + ".new")
    new.write_bytes(msgspec.json.format(text, indent=2))
    new.replace(path)


def _note(home: Path) -> Path:
    return home / "weights" / "hub" / "known.json"
