"""Finds the engines that were chosen, and builds them.

What a choice stands for is said by ``engines/choices.py``. A name that the catalogue does not have
is that of an entry point: any installed package may offer engines by listing factories
(:data:`antiphon.engines.base.EngineFactory`) in the group ``antiphon.engines``. Nothing is loaded
that was not asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from anyio import to_thread
from msgspec import Struct

from antiphon.engines.base import QUEUE_S, Engine, EngineFactory, EngineSettings, Role
from antiphon.engines.catalogue import Catalogue, Entry, builtin_catalogue
from antiphon.engines.choices import GROUP, Candidate, Choice, candidate, choice_of
from antiphon.engines.isolated import isolated
from antiphon.engines.native.priority import giving_way
from antiphon.engines.weights.progress import megabytes
from antiphon.engines.weights.store import default_home, fetch_command, missing_files, path_of
from antiphon.errors import AntiphonError, ConfigurationError, WeightsError

__all__ = ["EngineStatus", "Readiness", "load_engine", "status", "statuses"]

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
    role: Role,
    chosen: str | Choice | None = None,
    *,
    home: Path,
    catalogue: Catalogue | None = None,
) -> EngineStatus:
    """Look at an engine without loading it.

    Args:
        role: What it is to do.
        chosen: As for :func:`load_engine`.
        home: Where weights are kept.
        catalogue: What there is by name; what ships with Antiphon, if not given.
    """
    catalogue = catalogue or builtin_catalogue()
    try:
        return _status(_candidate(role, chosen, home, catalogue).entry, home, catalogue)
    except (ConfigurationError, WeightsError) as error:
        assert chosen is not None, "defaults are in the catalogue"
        lacking = isinstance(error, WeightsError)
        return EngineStatus(
            role=role,
            name=choice_of(chosen).use,
            readiness=Readiness.NO_WEIGHTS if lacking else Readiness.UNKNOWN,
            problem=str(error),
        )


def statuses(
    chosen: Mapping[Role, str | Choice | None] = MappingProxyType({}),
    *,
    home: Path,
    catalogue: Catalogue | None = None,
) -> tuple[EngineStatus, ...]:
    """Look at the engines of all roles without loading them.

    Args:
        chosen: The operator's choices; roles left out have their default.
        home: Where weights are kept.
        catalogue: As for :func:`load_engine`.

    Returns:
        One status per role, in the order of :data:`antiphon.engines.base.Role`.
    """
    return tuple(
        status(role, chosen.get(role), home=home, catalogue=catalogue) for role in get_args(Role)
    )


async def load_engine(
    role: Role,
    chosen: str | Choice | None = None,
    *,
    home: Path | None = None,
    catalogue: Catalogue | None = None,
    threads: int = 1,
    options: Mapping[str, Any] | None = None,
) -> Engine:
    """Load an engine, on a thread.

    Args:
        role: What it is to do.
        chosen: Its name in the catalogue or that of an entry point, a path, an address, or all
            that there is to say. If not given, the role's default; or the role's fallback if only
            its weights are there.
        home: Where weights are kept; ``weights.store.default_home()`` if not given.
        catalogue: What there is by name; what ships with Antiphon, if not given.
        threads: How many threads it may compute with, unless the choice says so itself.
        options: Replace the choice's options of the same name.

    Raises:
        ConfigurationError: There is no such engine, what it needs is not installed, or it is not
            one of this role.
        WeightsError: Its weights have not been fetched.
        EngineError: It was built for this, but cannot be loaded.
    """
    home = home or default_home()
    catalogue = catalogue or builtin_catalogue()
    load = partial(_load, role, chosen, home, catalogue, threads, options or {})
    engine, misfit = await to_thread.run_sync(giving_way, load)
    if misfit:
        await engine.aclose()  # it may have threads, or a process
        raise ConfigurationError(misfit)
    return engine


def _load(
    role: Role,
    chosen: str | Choice | None,
    home: Path,
    catalogue: Catalogue,
    threads: int,
    options: Mapping[str, Any],
) -> tuple[Engine, str]:
    """Return the engine and, if it is not one of the role, what to say of that."""
    entry, local_files, own_options = _candidate(role, chosen, home, catalogue)
    state = _status(entry, home, catalogue)
    if state.readiness is Readiness.NO_WEIGHTS:
        raise WeightsError(state.problem)
    if state.readiness is not Readiness.READY:
        raise ConfigurationError(state.problem)
    settings = EngineSettings(
        name=entry.name,
        files={key: path_of(file, home) for key, file in entry.files.items()} | {**local_files},
        options={**entry.options, **own_options, **options},
        threads=(choice_of(chosen).threads if chosen else None) or threads,
        queue_s=choice_of(chosen).queue_s if chosen else QUEUE_S,
    )
    (entry_point,) = _entry_points(entry.engine)
    try:
        factory: EngineFactory = entry_point.load()
        alone = chosen is not None and choice_of(chosen).isolated
        engine = isolated(factory, settings, role) if alone else factory(settings)
        actual_role = engine.info.role
    except AntiphonError:
        raise
    except Exception as error:
        message = (
            f"The engine {entry.name!r} of the package {_package(entry_point)} failed to load: "
            f"{type(error).__name__}: {error}"
        )
        raise ConfigurationError(message) from error
    misfit = (
        f"The engine {entry.name!r} of the package {_package(entry_point)} is a {actual_role}, "
        f"not a {role}."
    )
    return engine, misfit if actual_role != role else ""


def _candidate(
    role: Role, chosen: str | Choice | None, home: Path, catalogue: Catalogue
) -> Candidate:
    if chosen is not None:
        return candidate(role, choice_of(chosen), catalogue, home)
    default, fallback = catalogue.default(role), catalogue.fallback(role)
    if fallback and missing_files(default, home) and not missing_files(fallback, home):
        _log.warning(
            "The weights of %s are missing; using %s instead. Run: %s",
            default.name,
            fallback.name,
            fetch_command(default.name, home),
        )
        return Candidate(fallback)
    return Candidate(default)


def _status(entry: Entry, home: Path, catalogue: Catalogue) -> EngineStatus:
    readiness, problem = _obstacle(entry, home, catalogue)
    return EngineStatus(role=entry.role, name=entry.name, readiness=readiness, problem=problem)


def _obstacle(entry: Entry, home: Path, catalogue: Catalogue) -> tuple[Readiness, str]:
    offers = _entry_points(entry.engine)
    if not offers and catalogue.knows(entry.role, entry.name):
        return Readiness.NOT_INSTALLED, (
            f"{entry.name!r} is run by the engine {entry.engine!r}, which this installation of "
            "Antiphon does not offer. Run: pip install --force-reinstall --no-deps antiphon"
        )
    if not offers:
        known = ", ".join(catalogue.names(entry.role))
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
            f"Run: pip install 'antiphon[{entry.extra}]'"
        )
    if missing := missing_files(entry, home):
        size = megabytes(sum(file.bytes for file in missing))
        return Readiness.NO_WEIGHTS, (
            f"The weights of {entry.name!r} ({size}) are not under {home}. "
            f"Run: {fetch_command(entry.name, home)}"
        )
    return Readiness.READY, ""


def _entry_points(engine: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP, name=engine))


def _package(entry_point: EntryPoint) -> str:
    distribution = entry_point.dist
    return f"{distribution.name} {distribution.version}" if distribution else entry_point.value
