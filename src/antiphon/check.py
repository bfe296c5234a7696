"""Tries everything that a configuration names, as a server would use it, and says how that went."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import msgspec
from msgspec.structs import replace

from antiphon.config import Config, Loaded, ModelChoice, UpstreamChoice, report, unused
from antiphon.engines.addresses import without_passwords
from antiphon.engines.base import Engine, Role
from antiphon.engines.catalogue import catalogue_with
from antiphon.engines.choices import Choice, choice_of
from antiphon.engines.hearing import Transcriber
from antiphon.engines.registry import Readiness, status
from antiphon.engines.self_tests import self_test
from antiphon.engines.weights.progress import megabytes
from antiphon.errors import AntiphonError, ConfigurationError, WeightsError
from antiphon.http.tls import Certificate
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.loading import engines_of, load_for
from antiphon.runtime.models import Models
from antiphon.runtime.openings import Openings
from antiphon.runtime.upstream.link import upstream_self_test

__all__ = ["check"]

_PAGE_BYTES = 4096
_PROCESSES = Path("/proc")  # Linux only


async def check(loaded: Loaded, echo: Callable[[str], object]) -> bool:
    """Show what was configured, load and try all engines, and begin a session with each model.

    Args:
        loaded: The operator's choices.
        echo: Prints a line.

    Returns:
        Whether all of it works.
    """
    for line in report(loaded, with_defaults=False):
        echo(line)
    for warning in unused(loaded.config):
        echo(f"warning: {warning}")
    async with AsyncExitStack() as stack:
        trial = _Trial(loaded.config, echo, stack)
        trial.certificate()
        await trial.engines()
        await trial.services()
        await trial.models()
    return trial.all_works


class _Trial:
    """What has been tried of a configuration.

    Args:
        config: The operator's choices.
        echo: Prints a line.
        stack: Closes the engines.

    Attributes:
        all_works: Whether all of it does, so far.
    """

    def __init__(
        self, config: Config, echo: Callable[[str], object], stack: AsyncExitStack
    ) -> None:
        self.all_works = True
        self._config = config
        self._echo = echo
        self._stack = stack
        self._engines: dict[bytes, Engine] = {}
        self._lost_services: set[str] = set()  # their models
        self._ears: Transcriber | None = None

    def certificate(self) -> None:
        """Read the certificate, if there is one."""
        if self._config.tls is None:
            return
        try:
            Certificate(self._config.tls)
            self._say("tls", f"{self._config.tls.certificate}: ready")
        except ConfigurationError as error:
            self._fail("tls", str(error))

    async def engines(self) -> None:
        """Load every engine, and have it work once."""
        catalogue = catalogue_with(self._config.catalogue)
        for role, chosen in self._config.engine_choices():
            state = status(role, chosen, home=self._config.home, catalogue=catalogue)
            name = without_passwords(choice_of(chosen).use) if chosen else state.name
            self._say(role, f"{name}: {state.readiness.value}{self._for_whom(role, chosen)}")
            if state.readiness is not Readiness.READY:
                self._fail("", state.problem)
                continue
            try:
                await self._engine(role, chosen)
            except AntiphonError as error:
                self._fail("", f"does not work: {error}")

    def _for_whom(self, role: Role, chosen: str | Choice | None) -> str:
        """Return which models an engine works for, where there are several."""
        if len(self._config.models) == 1:
            return ""
        uses = self._config.engine_uses()
        names = dict.fromkeys(name for name, *used in uses if used == [role, chosen])
        return f", for {', '.join(names)}"

    async def _engine(self, role: Role, chosen: str | Choice | None) -> None:
        engine, cost = await _load(self._config, role, chosen)
        self._stack.push_async_callback(engine.aclose)
        self._say("", cost)
        self._say("", await self_test(engine, self._ears))
        self._engines[_key(role, chosen)] = engine
        if role == "transcriber" and self._ears is None:
            self._ears = cast("Transcriber", engine)

    async def services(self) -> None:
        """Open a session of every service that answers for a model."""
        for name, model in self._config.models.items():
            if model.service is not None and not await self._service(name, model.service):
                self._lost_services.add(name)

    async def _service(self, name: str, service: UpstreamChoice) -> bool:
        self._say("upstream", f"{without_passwords(service.use)}: of the model {name}")
        try:
            self._say("", await upstream_self_test(service, name))
        except AntiphonError as error:
            self._fail("", f"does not work: {error}")
            return False
        return True

    async def models(self) -> None:
        """Begin a session with every model, as a server does before it serves."""
        for name, choice in self._config.models.items():
            try:
                await self._begin(name, choice)
                self._say("model", f"{name}: ready")
            except AntiphonError as error:
                self._fail("model", f"{name}: {error}")

    async def _begin(self, name: str, choice: ModelChoice) -> None:
        if name in self._lost_services:
            raise _NotTriedError("service")
        config = replace(self._config, models={name: choice})
        own = [] if choice.service else [await engines_of(config, name, self._tried)]
        Openings(config, Models(config, lambda _: own[0]), RandomEntropy()).check_models()

    async def _tried(self, role: Role, chosen: str | Choice | None) -> Engine:
        engine = self._engines.get(_key(role, chosen))
        if engine is None and (role, chosen) == ("turn_predictor", None):
            message = "it does not work, see above."  # a server can do without it
            raise WeightsError(message)
        if engine is None:
            raise _NotTriedError(role)
        return engine

    def _say(self, part: str, text: str) -> None:
        self._echo(f"{part:15} {text}")

    def _fail(self, part: str, text: str) -> None:
        self._say(part, text)
        self.all_works = False


def _key(role: Role, chosen: str | Choice | None) -> bytes:
    """Return what engines are told apart by; their fallbacks are engines of their own."""
    return msgspec.json.encode((role, replace(choice_of(chosen), fallback=()) if chosen else None))


class _NotTriedError(AntiphonError):
    def __init__(self, part: str) -> None:
        super().__init__(f"not tried: the {part.replace('_', ' ')} does not work, see above.")


async def _load(config: Config, role: Role, chosen: str | Choice | None) -> tuple[Engine, str]:
    """Load an engine, and say what that took."""
    began, before = time.monotonic(), _resident_bytes()
    engine = await load_for(config, role, chosen)
    took = f"loaded in {time.monotonic() - began:.1f} s"
    if before is None:
        return engine, took
    return engine, f"{took}, {megabytes(max(0, (_resident_bytes() or 0) - before))} of memory"


def _resident_bytes() -> int | None:
    """Return how much memory is occupied by this process and those of isolated engines.

    ``None`` where that cannot be read.
    """
    if not _PROCESSES.exists():
        return None
    children = (child.pid for child in multiprocessing.active_children())
    return sum(_resident_bytes_of(pid) for pid in (os.getpid(), *children))


def _resident_bytes_of(pid: int | None) -> int:
    try:
        pages = (_PROCESSES / str(pid) / "statm").read_text().split()[1]
    except FileNotFoundError:  # it has ended
        return 0
    return int(pages) * _PAGE_BYTES
