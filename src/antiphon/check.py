"""Loads every engine that a configuration names, has each work once, and says how that went."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast, get_args

import msgspec

from antiphon.config import Config, Loaded, report
from antiphon.engines.base import Engine, Role
from antiphon.engines.choices import Choice, choice_of
from antiphon.engines.hearing import Transcriber
from antiphon.engines.progress import megabytes
from antiphon.engines.registry import Readiness, status
from antiphon.engines.self_tests import self_test
from antiphon.errors import AntiphonError
from antiphon.runtime.loading import load_for

__all__ = ["check"]

_PAGE_BYTES = 4096
_STATM = Path("/proc/self/statm")  # Linux only

_SERVER_WIDE: tuple[Role, ...] = ("denoiser", "voice_detector", "turn_predictor")


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
    all_work = True
    ears: Transcriber | None = None
    async with AsyncExitStack() as stack:
        for role, chosen in _chosen(config):
            state = status(role, chosen, home=config.home)
            echo(f"{role:15} {state.name}: {state.readiness.value}")
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
    return all_work


def _chosen(config: Config) -> Iterator[tuple[Role, str | Choice | None]]:
    """Yield every engine that the configuration names, once, those that hear first."""
    seen = set()
    for role in get_args(Role):
        choices = [getattr(config, role)]
        if role not in _SERVER_WIDE:
            own = [getattr(model, role) for model in config.models.values()]
            choices = [one or choices[0] for one in own]
        for chosen in choices:
            for one in (chosen, *(choice_of(chosen).fallback if chosen else ())):
                key = msgspec.json.encode((role, one))
                if key not in seen:
                    seen.add(key)
                    yield role, one


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
