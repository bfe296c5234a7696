"""The engines that Antiphon knows by name, and the weights they need.

The entries are data, in ``catalogue.toml``. Weights are identified by their hash: an entry names
the official release first and then mirrors, and any of them is as good as another if the bytes
are right.

Beyond the catalogue, any installed package can offer engines; see ``engines/registry.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from antiphon.engines.base import Role
from antiphon.errors import ConfigurationError

__all__ = [
    "Catalogue",
    "CommitHash",
    "Entry",
    "HubSource",
    "PathSource",
    "RelativePath",
    "RepoName",
    "Sha256",
    "Source",
    "UrlSource",
    "WeightFile",
    "WheelPart",
    "WheelSource",
    "builtin_catalogue",
    "catalogue_with",
    "merged",
]


Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""64 lower-case hexadecimal digits."""

CommitHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{40}\Z")]
"""The full name of a commit: 40 lower-case hexadecimal digits."""

RepoName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*\Z")]
"""``owner/name``, as the hub has them."""

_SEGMENT = r"[^/\\:\x00-\x1f]+"

RelativePath = Annotated[str, Meta(pattern=rf"^(?:(?!\.\.?/){_SEGMENT}/)*(?!\.\.?\Z){_SEGMENT}\Z")]
"""A path with slashes that stays inside the folder that it is joined to, on any system: it has no
root, drive or stream, and neither ``.`` nor ``..`` among its parts."""


class UrlSource(Struct, tag_field="kind", tag="url", frozen=True, forbid_unknown_fields=True):
    """A file that a web server offers as it is.

    Attributes:
        url: Its address, pinned to a revision where the publisher has revisions.
    """

    url: Annotated[str, Meta(pattern="^https?://")]


class HubSource(Struct, tag_field="kind", tag="hub", frozen=True, forbid_unknown_fields=True):
    """A file in a repository of the Hugging Face hub.

    Attributes:
        repo: The repository, ``owner/name``.
        revision: The commit.
        file: Where the file is in it.
    """

    repo: RepoName
    revision: CommitHash
    file: RelativePath


class WheelPart(Struct, frozen=True, forbid_unknown_fields=True):
    """A file, or a part of one, that a Python package happens to carry.

    Attributes:
        wheel: The package and its exact version, ``name==version``.
        member: Path of the file inside the wheel.
    """

    wheel: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9._+!-]+$")]
    member: str


class WheelSource(Struct, tag_field="kind", tag="wheel", frozen=True, forbid_unknown_fields=True):
    """A file inside Python packages. They are read as data, and never installed or imported.

    Attributes:
        parts: What makes up the file, joined in this order.
    """

    parts: Annotated[tuple[WheelPart, ...], Meta(min_length=1)]


class PathSource(Struct, tag_field="kind", tag="path", frozen=True, forbid_unknown_fields=True):
    """A file of this machine, or of a disk that others share with it. It is copied.

    Attributes:
        path: Where it is; relative ones begin at the folder of the catalogue, ``~`` is the home of
            the user.
    """

    path: Annotated[str, Meta(min_length=1)]


Source = UrlSource | HubSource | WheelSource | PathSource


class WeightFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of weights.

    Attributes:
        file: The name it is kept under.
        bytes: Its exact size.
        sha256: Its hash.
        sources: Where it can be had, in the order to try.
    """

    file: Annotated[str, Meta(pattern=r"^\w[\w.-]*\Z")]
    bytes: Annotated[int, Meta(gt=0)]
    sha256: Sha256
    sources: Annotated[tuple[Source, ...], Meta(min_length=1)]


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An engine with everything it takes to run it.

    Attributes:
        role: What it does.
        name: What the operator calls it; unique within the role.
        aliases: Other names for it.
        engine: The entry point, in the group ``antiphon.engines``, that builds it.
        requires: Modules it imports beyond Antiphon's own requirements.
        extra: The extra of the package ``antiphon`` that installs them.
        files: Its weights, by the key under which the engine looks for them.
        languages: ISO-639-1 codes it understands or speaks; empty if it does not matter.
        speed: How long its part of a turn takes on two CPU cores: ``fast`` under 200 ms,
            ``moderate`` under 500 ms, ``slow`` beyond; ``None`` if unknown.
        description: What it is good for, in a sentence or two.
        licence: The licence of the weights and of what runs them, and what else to know.
        options: What the engine is built with unless the operator says otherwise.
    """

    role: Role
    name: str
    aliases: tuple[str, ...] = ()
    engine: str
    requires: tuple[str, ...] = ()
    extra: str = "local"
    files: Mapping[str, WeightFile] = {}
    languages: tuple[str, ...] = ()
    speed: Literal["fast", "moderate", "slow"] | None = None
    description: str = ""
    licence: str = ""
    options: Mapping[str, Any] = {}

    @property
    def size_bytes(self) -> int:
        """Size of all its weights together."""
        return sum(file.bytes for file in self.files.values())


class Catalogue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All entries, and which of them serve when the operator names none.

    Attributes:
        defaults: Each role's default, by name.
        fallbacks: What to use when the weights of a role's default are not there, by name.
        entries: All entries.
    """

    defaults: Mapping[Role, str] = {}
    fallbacks: Mapping[Role, str] = {}
    entries: tuple[Entry, ...] = ()

    def names(self, role: Role) -> tuple[str, ...]:
        """The names, without aliases, of a role's entries."""
        return tuple(entry.name for entry in self.entries if entry.role == role)

    def knows(self, role: Role, name: str) -> bool:
        """Whether :meth:`find` would find an entry."""
        return any(_answers_to(entry, name) for entry in self.entries if entry.role == role)

    def find(self, role: Role, name: str) -> Entry:
        """The entry of a role with this name or alias.

        Raises:
            ConfigurationError: There is none; the message lists the names there are.
        """
        for entry in self.entries:
            if entry.role == role and _answers_to(entry, name):
                return entry
        message = f"There is no {role} named {name!r}. Known are: {', '.join(self.names(role))}."
        raise ConfigurationError(message)

    def default(self, role: Role) -> Entry:
        """What serves a role when the operator names nothing."""
        return self.find(role, self.defaults[role])

    def fallback(self, role: Role) -> Entry | None:
        """What may serve a role when the default's weights are not there."""
        name = self.fallbacks.get(role)
        return None if name is None else self.find(role, name)

    def named(self, name: str) -> tuple[Entry, ...]:
        """The entries of all roles that have this name or alias.

        Raises:
            ConfigurationError: There is none; the message lists the names there are.
        """
        if entries := tuple(entry for entry in self.entries if _answers_to(entry, name)):
            return entries
        names = ", ".join(dict.fromkeys(entry.name for entry in self.entries))
        message = f"There is no engine named {name!r} in the catalogue. Known are: {names}."
        raise ConfigurationError(message)

    def with_weights(self, name: str) -> Entry:
        """The entry of any role that has this name or alias, and weights to fetch.

        Raises:
            ConfigurationError: There is none; the message lists the names there are.
        """
        downloadable = [entry for entry in self.entries if entry.files]
        for entry in downloadable:
            if _answers_to(entry, name):
                return entry
        names = ", ".join(entry.name for entry in downloadable)
        message = f"There are no weights named {name!r}. Known are: {names}."
        raise ConfigurationError(message)


def _located(entry: Entry, folder: Path) -> Entry:
    """Return an entry of a catalogue in a folder, with the whole paths of its files."""
    files = {
        key: replace(file, sources=tuple(_whole(source, folder) for source in file.sources))
        for key, file in entry.files.items()
    }
    return replace(entry, files=files)


def _whole(source: Source, folder: Path) -> Source:
    if not isinstance(source, PathSource):
        return source
    return PathSource(str(folder.absolute() / Path(source.path).expanduser()))


def _names_of(entry: Entry) -> tuple[str, ...]:
    return entry.name, *entry.aliases


def _answers_to(entry: Entry, name: str) -> bool:
    return name in _names_of(entry)


@cache
def builtin_catalogue() -> Catalogue:
    """The catalogue that ships with Antiphon."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_bytes()
    return msgspec.toml.decode(text, type=Catalogue)


def catalogue_with(own: Path | None) -> Catalogue:
    """The catalogue that ships with Antiphon, under an operator's own if there is one.

    Raises:
        ConfigurationError: As :func:`merged` does.
    """
    return builtin_catalogue() if own is None else merged(builtin_catalogue(), own)


def merged(catalogue: Catalogue, path: Path) -> Catalogue:
    """A catalogue with an operator's own over it.

    An entry of the operator's replaces the one of the same role and name, as do defaults and
    fallbacks of the same role.

    Raises:
        ConfigurationError: The file cannot be read, is no catalogue, takes a name twice, or has
            a default that is no entry.
    """
    try:
        own = msgspec.toml.decode(path.read_bytes(), type=Catalogue)
    except (OSError, msgspec.DecodeError) as error:
        message = f"The catalogue {path} cannot be used: {error}"
        raise ConfigurationError(message) from error
    replaced = {(entry.role, entry.name) for entry in own.entries}
    kept = [entry for entry in catalogue.entries if (entry.role, entry.name) not in replaced]
    both = Catalogue(
        defaults={**catalogue.defaults, **own.defaults},
        fallbacks={**catalogue.fallbacks, **own.fallbacks},
        entries=(*kept, *(_located(entry, path.parent) for entry in own.entries)),
    )
    taken = Counter((entry.role, name) for entry in both.entries for name in _names_of(entry))
    for (role, name), times in taken.items():
        if times > 1:
            message = (
                f"The catalogue {path} names more than one {role} {name!r}. Rename all but one."
            )
            raise ConfigurationError(message)
    for role, name in (*own.defaults.items(), *own.fallbacks.items()):
        if not both.knows(role, name):
            known = ", ".join(both.names(role))
            message = (
                f"The catalogue {path} has {name!r} for its {role}, which is no entry. "
                f"Known are: {known}."
            )
            raise ConfigurationError(message)
    return both
