"""What is asked of engines of every role."""

# ruff: noqa: ANN401, D102  (tests say by their name what they test, and engines are of any class)
from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, ClassVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import numpy as np
import pytest

from antiphon.engines.base import Floats, Role
from antiphon.engines.thinking import Progress
from antiphon.errors import EngineError

__all__ = ["PATIENCE_S", "EngineConformance", "WorkConformance", "events_of", "noise"]

PATIENCE_S = 60.0
"""Bound on any one piece of work; an engine that hangs fails instead of blocking the tests."""


class EngineConformance:
    """What is asked of engines of every role."""

    pytestmark: ClassVar[list[pytest.MarkDecorator]] = [pytest.mark.anyio]
    role: ClassVar[Role]

    @classmethod
    def create(cls) -> Any:
        """Override: build the engine. It may block, and is called several times."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    async def engine(cls) -> AsyncGenerator[Any, None]:
        """The engine that the tests of a class share, as sessions do."""
        engine = await anyio.to_thread.run_sync(cls.create)
        yield engine
        await engine.aclose()

    async def test_it_says_what_it_is(self, engine: Any) -> None:
        assert engine.info.role == self.role
        assert engine.info.name

    async def test_closing_it_twice_is_harmless(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await engine.aclose()
        await engine.aclose()


class WorkConformance(EngineConformance):
    """What is asked of engines whose work is an async generator."""

    def work(self, engine: Any) -> AsyncGenerator[Any, None]:
        """A piece of work of ordinary size."""
        raise NotImplementedError

    def check(self, events: list[Any]) -> None:
        """Assert that the events of :meth:`work` are complete and right."""
        raise NotImplementedError

    async def complete(self, engine: Any) -> None:
        """Do a piece of work and check it."""
        self.check(await events_of(self.work(engine)))

    async def test_work_yields_the_right_events(self, engine: Any) -> None:
        await self.complete(engine)

    async def test_one_instance_serves_several_sessions_at_once(self, engine: Any) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(self.complete, engine)

    async def test_work_may_be_closed_after_any_event(self, engine: Any) -> None:
        for wanted in range(4):
            async with aclosing(self.work(engine)) as events:
                for _ in range(wanted):
                    if await anext(events, None) is None:
                        break
        await self.complete(engine)

    async def test_work_may_be_cancelled_at_any_await(self, engine: Any) -> None:
        async def work_on() -> None:
            await events_of(self.work(engine))

        for turns in range(12):
            async with anyio.create_task_group() as group:
                group.start_soon(work_on)
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        await self.complete(engine)

    async def test_work_may_be_cancelled_while_an_event_is_dealt_with(self, engine: Any) -> None:
        async def stop_at_first(reached: anyio.Event) -> None:
            async for _ in self.work(engine):
                reached.set()
                await anyio.sleep_forever()

        async with anyio.create_task_group() as group:
            reached = anyio.Event()
            group.start_soon(stop_at_first, reached)
            with anyio.fail_after(PATIENCE_S):
                await reached.wait()
            group.cancel_scope.cancel()
        await self.complete(engine)

    async def test_a_closed_engine_refuses_work(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await engine.aclose()
        with pytest.raises(EngineError):
            await events_of(self.work(engine))

    async def test_closing_it_ends_work_under_way(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        async with aclosing(self.work(engine)) as work:
            events = [await anext(work)]
            await engine.aclose()
            try:
                with anyio.fail_after(PATIENCE_S):
                    events += [event async for event in work]
            except EngineError:
                return
        # What does not fail has been done.
        self.check([event for event in events if not isinstance(event, Progress)])


async def events_of(work: AsyncGenerator[Any, None]) -> list[Any]:
    """Everything that a piece of work has to tell, within :data:`PATIENCE_S`."""
    with anyio.fail_after(PATIENCE_S):
        async with aclosing(work):
            return [event async for event in work if not isinstance(event, Progress)]


def noise(samples: int) -> Floats:
    """The same noise each time; shape (samples,), float32."""
    return np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32)
