"""Finds engines by name and builds them.

A name is looked up in the catalogue first. A name that the catalogue does not have is that of an
entry point: any installed package may offer engines by listing factories
(:data:`antiphon.engines.base.EngineFactory`) in the group ``antiphon.engines``. Nothing is loaded
that was not asked for by name.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from anyio import to_thread
from msgspec import Struct

from antiphon.engines.base import Engine, EngineFactory, EngineSettings, Role
from antiphon.engines.catalogue import Entry, builtin_catalogue
from antiphon.engines.progress import megabytes
from antiphon.engines.weights import default_home, missing_files, path_of
from antiphon.errors import AntiphonError, ConfigurationError, WeightsError

__all__ = ["EngineStatus", "Readiness", "load_engine", "status"]

_GROUP = "antiphon.engines"

_log = logging.getLogger(__name__)


class Readiness(Enum):
    """Whether an engine can be loaded, or the first thing that stands in the way."""

    READY = "ready"
    UNKNOWN = "unknown"
    NOT_INSTALLED = "not installed"
    NO_WEIGHTS = "no weights"


class EngineStatus(Struct, frozen=True, kw_only=True):
    """What would happen if an engine was loaded now.

    Attributes:
        role: What it is to do.
        name: Its name in the catalogue, or that of its entry point.
        readiness: Whether it can be loaded.
        problem: What is missing and what to do about it; empty if nothing is.
    """

    role: Role
    name: str
    readiness: Readiness
    problem: str = ""


def status(
    names: Mapping[Role, str | None] | None = None, *, home: Path | None = None
) -> tuple[EngineStatus, ...]:
    """Look at each role's engine without loading it.

    Args:
        names: The engines that the operator chose; roles left out have their default.
        home: Where weights are kept; :func:`antiphon.engines.weights.default_home` if not given.

    Returns:
        One status per role, in the order of :data:`antiphon.engines.base.Role`.
    """
    home = home or default_home()
    chosen = names or {}
    return tuple(_status(_choose(role, chosen.get(role), home), home) for role in get_args(Role))


async def load_engine(
    role: Role,
    name: str | None = None,
    *,
    home: Path | None = None,
    threads: int = 1,
    options: Mapping[str, Any] | None = None,
) -> Engine:
    """Load an engine, on a thread.

    Args:
        role: What it is to do.
        name: Its name in the catalogue, or that of an entry point. If not given, the role's
            default; or the role's fallback if only its weights are there.
        home: Where weights are kept; :func:`antiphon.engines.weights.default_home` if not given.
        threads: How many threads it may compute with.
        options: Replace the catalogue entry's options of the same name.

    Raises:
        ConfigurationError: There is no such engine, what it needs is not installed, or it is not
            one of this role.
        WeightsError: Its weights have not been fetched.
        EngineError: It was built for this, but cannot be loaded.
    """
    home = home or default_home()
    return await to_thread.run_sync(_load, role, name, home, threads, options or {})


def _load(
    role: Role, name: str | None, home: Path, threads: int, options: Mapping[str, Any]
) -> Engine:
    entry = _choose(role, name, home)
    state = _status(entry, home)
    if state.readiness is Readiness.NO_WEIGHTS:
        raise WeightsError(state.problem)
    if state.readiness is not Readiness.READY:
        raise ConfigurationError(state.problem)
    settings = EngineSettings(
        name=entry.name,
        files={key: path_of(file, home) for key, file in entry.files.items()},
        options={**entry.options, **options},
        threads=threads,
    )
    (entry_point,) = _entry_points(entry.engine)
    try:
        factory: EngineFactory = entry_point.load()
        engine = factory(settings)
        actual_role = engine.info.role
    except AntiphonError:
        raise
    except Exception as error:
        message = (
            f"The engine {entry.name!r} of the package {_package(entry_point)} failed to load: "
            f"{type(error).__name__}: {error}"
        )
        raise ConfigurationError(message) from error
    if actual_role != role:
        message = (
            f"The engine {entry.name!r} of the package {_package(entry_point)} is a {actual_role}, "
            f"not a {role}."
        )
        raise ConfigurationError(message)
    return engine


def _choose(role: Role, name: str | None, home: Path) -> Entry:
    catalogue = builtin_catalogue()
    if name is None:
        default, fallback = catalogue.default(role), catalogue.fallback(role)
        if fallback and missing_files(default, home) and not missing_files(fallback, home):
            _log.warning(
                "The weights of %s are missing; using %s instead. Run: antiphon models fetch %s",
                default.name,
                fallback.name,
                default.name,
            )
            return fallback
        return default
    if catalogue.knows(role, name):
        return catalogue.find(role, name)
    return Entry(role=role, name=name, engine=name)


def _status(entry: Entry, home: Path) -> EngineStatus:
    readiness, problem = _obstacle(entry, home)
    return EngineStatus(role=entry.role, name=entry.name, readiness=readiness, problem=problem)


def _obstacle(entry: Entry, home: Path) -> tuple[Readiness, str]:
    offers = _entry_points(entry.engine)
    if not offers and builtin_catalogue().knows(entry.role, entry.name):
        return Readiness.NOT_INSTALLED, (
            f"{entry.name!r} is run by the engine {entry.engine!r}, which this installation of "
            "Antiphon does not offer. Run: pip install --force-reinstall --no-deps antiphon"
        )
    if not offers:
        known = ", ".join(builtin_catalogue().names(entry.role))
        return Readiness.UNKNOWN, (
            f"There is no {entry.role} named {entry.name!r}. Known are: {known}; and no installed "
            "package offers an engine of that name."
        )
    if len(offers) > 1:
        packages = " and ".join(_package(offer) for offer in offers)
        return Readiness.UNKNOWN, (
            f"The engine {entry.engine!r} is offered by {packages}. Uninstall all but one."
        )
    if absent := [module for module in entry.requires if find_spec(module) is None]:
        return Readiness.NOT_INSTALLED, (
            f"The engine {entry.name!r} needs {' and '.join(absent)}, which is not installed. "
            "Run: pip install 'antiphon[local]'"
        )
    if missing := missing_files(entry, home):
        size = megabytes(sum(file.bytes for file in missing))
        return Readiness.NO_WEIGHTS, (
            f"The weights of {entry.name!r} ({size}) are not under {home}. "
            f"Run: antiphon models fetch {entry.name}"
        )
    return Readiness.READY, ""


def _entry_points(engine: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=_GROUP, name=engine))


def _package(entry_point: EntryPoint) -> str:
    distribution = entry_point.dist
    return f"{distribution.name} {distribution.version}" if distribution else entry_point.value
