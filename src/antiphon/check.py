"""Loads every engine that a configuration names, has each work once, and says how that went."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

from antiphon.config import Config, Loaded, report
from antiphon.engines.addresses import without_passwords
from antiphon.engines.base import Engine, Role
from antiphon.engines.catalogue import catalogue_with
from antiphon.engines.choices import Choice, choice_of
from antiphon.engines.hearing import Transcriber
from antiphon.engines.registry import Readiness, status
from antiphon.engines.self_tests import self_test
from antiphon.engines.weights.progress import megabytes
from antiphon.errors import AntiphonError
from antiphon.runtime.loading import load_for
from antiphon.runtime.upstream.link import upstream_self_test

__all__ = ["check"]

_PAGE_BYTES = 4096
_STATM = Path("/proc/self/statm")  # Linux only


async def check(loaded: Loaded, echo: Callable[[str], object]) -> bool:
    """Show what was configured, and load and try all engines.

    Args:
        loaded: The operator's choices.
        echo: Prints a line.

    Returns:
        Whether all of them work.
    """
    config = loaded.config
    for line in report(loaded, with_defaults=False):
        echo(line)
    catalogue = catalogue_with(config.catalogue)
    all_work = True
    ears: Transcriber | None = None
    async with AsyncExitStack() as stack:
        for role, chosen in config.engine_choices():
            state = status(role, chosen, home=config.home, catalogue=catalogue)
            name = without_passwords(choice_of(chosen).use) if chosen else state.name
            echo(f"{role:15} {name}: {state.readiness.value}")
            if state.readiness is not Readiness.READY:
                echo(f"{'':15} {state.problem}")
                all_work = False
                continue
            try:
                engine, cost = await _load(config, role, chosen)
                stack.push_async_callback(engine.aclose)
                echo(f"{'':15} {cost}")
                echo(f"{'':15} {await self_test(engine, ears)}")
            except AntiphonError as error:
                echo(f"{'':15} does not work: {error}")
                all_work = False
                continue
            if role == "transcriber" and ears is None:
                ears = cast("Transcriber", engine)
    for name, model in config.models.items():
        if model.service is not None:
            echo(f"{'upstream':15} {without_passwords(model.service.use)}: of the model {name}")
            try:
                echo(f"{'':15} {await upstream_self_test(model.service, name)}")
            except AntiphonError as error:
                echo(f"{'':15} does not work: {error}")
                all_work = False
    return all_work


async def _load(config: Config, role: Role, chosen: str | Choice | None) -> tuple[Engine, str]:
    """Load an engine, and say what that took."""
    began, before = time.monotonic(), _resident_bytes()
    engine = await load_for(config, role, chosen)
    took = f"loaded in {time.monotonic() - began:.1f} s"
    if before is None:
        return engine, took
    return engine, f"{took}, {megabytes(max(0, (_resident_bytes() or 0) - before))} of memory"


def _resident_bytes() -> int | None:
    """Return how much memory the process occupies; ``None`` where that cannot be read."""
    if not _STATM.exists():
        return None
    return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
