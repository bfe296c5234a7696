"""How the engines are: which there are, and what they have to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple, get_args

from msgspec import Struct

from antiphon.engines.base import Engine, Role
from antiphon.engines.failover import answers_of, members_of
from antiphon.engines.guard import EngineLoad, load_of
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.models import Model
from antiphon.runtime.readiness import Obstacle

__all__ = ["EngineReport", "EngineState", "engine_obstacle", "engine_reports"]


class EngineState(Enum):
    """Whether an engine can be asked."""

    READY = "ready"
    BUSY = "busy"
    """It works, but requests wait for others to end."""
    RELOADING = "reloading"
    """It hung or crashed, and is being loaded anew."""


class EngineReport(Struct, frozen=True, kw_only=True):
    """How one engine is.

    Attributes:
        name: Catalogue name.
        role: What it does.
        state: Whether it can be asked.
        remote: Whether it computes on another machine.
        models: The models that it works for, by their first names.
        load: What it has to do; ``None`` for an engine that all sessions share without waiting.
        answered: How many requests it has answered, among engines that stand in for one another;
            ``None`` for one that has nobody beside it.
    """

    name: str
    role: Role
    state: EngineState
    remote: bool
    models: tuple[str, ...]
    load: EngineLoad | None
    answered: int | None


class _Found(NamedTuple):
    """An engine, the models that it works for, and the engines that it is a part of, or is."""

    engine: Engine
    models: list[str]
    part_of: dict[int, Engine]


def engine_reports(models: Iterable[Model]) -> list[EngineReport]:
    """Return how all engines are, each once, those that stand in for others too."""
    found: dict[int, _Found] = {}
    for model in models:
        if isinstance(model.answered_by, EngineSet):
            for engine in _engines_of(model.answered_by):
                for member in members_of(engine):
                    one = found.setdefault(id(member), _Found(member, [], {}))
                    one.models.append(model.name)
                    one.part_of[id(engine)] = engine
    return [_report(one) for one in found.values()]


def engine_obstacle(models: Iterable[Model]) -> Obstacle | None:
    """Return what stands against new clients: an engine that cannot be asked."""
    broken = [one.name for one in engine_reports(models) if one.state is EngineState.RELOADING]
    if not broken:
        return None
    message = f"Being loaded anew: {', '.join(broken)}."
    return Obstacle(code="engine_reloading", message=message)


def _engines_of(engines: EngineSet) -> Iterator[Engine]:
    for role in get_args(Role):
        engine: Engine | None = getattr(engines, role)
        if engine is not None:
            yield engine


def _report(found: _Found) -> EngineReport:
    engine = found.engine
    load = load_of(engine)
    if load is not None and not load.works:
        state = EngineState.RELOADING
    elif load is not None and load.waiting:
        state = EngineState.BUSY
    else:
        state = EngineState.READY
    return EngineReport(
        name=engine.info.name,
        role=engine.info.role,
        state=state,
        remote=engine.info.remote,
        models=tuple(found.models),
        load=load,
        answered=_answered(found),
    )


def _answered(found: _Found) -> int | None:
    answers = [answers_of(whole, found.engine) for whole in found.part_of.values()]
    told = [count for count in answers if count is not None]
    return sum(told) if told else None
