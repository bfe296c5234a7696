"""What ``antiphon models`` shows: the catalogue as a table, as JSON, or one entry of it in full."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from antiphon.engines.base import Role
from antiphon.engines.catalogue import Catalogue, Entry
from antiphon.engines.registry import Readiness, status
from antiphon.engines.weights.hub import (
    KnownReference,
    Reference,
    known_references,
    local_path_of,
    missing_of,
)
from antiphon.engines.weights.progress import megabytes
from antiphon.engines.weights.sources import name_of
from antiphon.engines.weights.store import path_of

__all__ = ["as_json", "as_table", "in_full", "reference_in_full"]

_HEADINGS = ("ROLE", "NAME", "SIZE", "SPEED", "LANGUAGES", "STATE", "LICENCE")
_MOST_LANGUAGES = 4


def as_table(catalogue: Catalogue, home: Path, role: Role | None) -> Iterator[str]:
    """The lines of a table of the entries, and of what was fetched by reference.

    On a terminal, lines that do not fit are cut.
    """
    rows = [_HEADINGS]
    for entry in _listed(catalogue, role):
        star = " *" if _is_default(entry, catalogue) else ""
        aliases = f" ({', '.join(entry.aliases)})" if entry.aliases else ""
        rows.append(
            (
                entry.role,
                f"{entry.name}{aliases}{star}",
                megabytes(entry.size_bytes) if entry.files else "",
                entry.speed or "",
                _in_short(entry.languages),
                _state(entry, catalogue, home),
                entry.licence,
            )
        )
    for reference, known in _fetched(home, role).items():
        size = megabytes(known.size_bytes)
        rows.append(
            ("", str(reference), size, "", "", _state_of(reference, known, home), known.licence)
        )
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in _aligned(rows):
        yield line if width is None or len(line) <= width else f"{line[: width - 1]}…"
    yield ""
    yield "* is used unless another is chosen. More of one: antiphon models show NAME"


def as_json(catalogue: Catalogue, home: Path, role: Role | None) -> str:
    """The same for programs: an array of objects.

    Each has ``role`` (null for what was fetched by reference, which may serve any), ``name``,
    ``size_bytes``, ``licence`` and ``state``; entries of the catalogue say more.
    """
    entries: list[dict[str, Any]] = [
        {
            "role": entry.role,
            "name": entry.name,
            "aliases": entry.aliases,
            "default": _is_default(entry, catalogue),
            "size_bytes": entry.size_bytes,
            "speed": entry.speed,
            "languages": entry.languages,
            "licence": entry.licence,
            "description": entry.description,
            "state": _state(entry, catalogue, home),
        }
        for entry in _listed(catalogue, role)
    ]
    references = [
        {
            "role": None,
            "name": str(reference),
            "size_bytes": known.size_bytes,
            "licence": known.licence,
            "state": _state_of(reference, known, home),
        }
        for reference, known in _fetched(home, role).items()
    ]
    return json.dumps(entries + references, indent=2)


def in_full(entry: Entry, catalogue: Catalogue, home: Path) -> Iterator[str]:
    """Everything that the catalogue says of an entry, as lines."""
    yield f"{entry.name}: {entry.role}, {_state(entry, catalogue, home)}"
    yield entry.description
    if entry.languages:
        yield f"Languages: {' '.join(entry.languages)}"
    yield f"Licence: {entry.licence}"
    for file in entry.files.values():
        yield f"{path_of(file, home)} ({megabytes(file.bytes)}), sha256 {file.sha256}"
        for source in file.sources:
            yield f"  - {name_of(source)}"


def reference_in_full(text: str, home: Path) -> Iterator[str]:
    """Everything that is known of what was fetched by reference, as lines.

    Raises:
        ConfigurationError: It is no reference.
        WeightsError: It has not been fetched.
    """
    yield f"{text}: ready, {local_path_of(text, home)}"
    reference = Reference.parse(text)
    known = known_references(home)[reference]
    yield f"Commit: {known.commit}"
    yield f"Licence: {known.licence or 'its publisher names none'}"
    for file in known.files:
        path = known.folder(reference, home) / file.path
        yield f"{path} ({megabytes(file.bytes)}), sha256 {file.sha256}"


def _is_default(entry: Entry, catalogue: Catalogue) -> bool:
    return catalogue.defaults.get(entry.role) in (entry.name, *entry.aliases)


def _listed(catalogue: Catalogue, role: Role | None) -> Iterator[Entry]:
    return (entry for entry in catalogue.entries if role in (None, entry.role))


def _fetched(home: Path, role: Role | None) -> dict[Reference, KnownReference]:
    """What was fetched by reference; its role is not known."""
    return {} if role else dict(known_references(home))


def _state(entry: Entry, catalogue: Catalogue, home: Path) -> str:
    match status(entry.role, entry.name, home=home, catalogue=catalogue).readiness:
        case Readiness.READY:
            return "ready"
        case Readiness.NO_WEIGHTS:
            return "to fetch"
        case Readiness.NOT_INSTALLED:
            return f"needs antiphon[{entry.extra}]"
        case Readiness.UNKNOWN:
            return "not offered"


def _state_of(reference: Reference, known: KnownReference, home: Path) -> str:
    return "to fetch" if missing_of(reference, known, home) else "ready"


def _in_short(languages: Sequence[str]) -> str:
    """As many languages as a column has room for."""
    if len(languages) <= _MOST_LANGUAGES:
        return " ".join(languages)
    shown = languages[: _MOST_LANGUAGES - 1]
    return f"{' '.join(shown)} +{len(languages) - len(shown)}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
