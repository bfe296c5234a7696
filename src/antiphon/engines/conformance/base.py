"""What is asked of engines of every role."""

# ruff: noqa: ANN401, D102  (tests say by their name what they test, and engines are of any class)
from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from itertools import pairwise
from typing import Any, ClassVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import numpy as np
import pytest

from antiphon.engines.base import Floats, Role
from antiphon.engines.thinking import Progress
from antiphon.errors import EngineError, Stage

__all__ = [
    "PATIENCE_S",
    "EngineConformance",
    "WorkConformance",
    "closed",
    "events_of",
    "longest_block_s",
    "noise",
]

PATIENCE_S = 60.0
"""Bound on any one piece of work; an engine that hangs fails instead of blocking the tests."""

MOST_BLOCKED_S = 0.15
"""How long work may hold up the event loop. A frame of a call is due every 20 ms."""

_TICK_S = 0.01
_LANGUAGE = re.compile("[a-z]{2,3}")


class EngineConformance:
    """What is asked of engines of every role.

    Attributes:
        stops_within_s: How long work may go on that was cancelled. Whoever interrupts an answer
            waits for it.
    """

    pytestmark: ClassVar[list[pytest.MarkDecorator]] = [pytest.mark.anyio]
    role: ClassVar[Role]
    stage: ClassVar[Stage]
    stops_within_s: ClassVar[float] = 2.0

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
        await closed(engine)

    async def test_it_says_what_it_is(self, engine: Any) -> None:
        assert engine.info.role == self.role
        assert engine.info.name
        for language in engine.info.languages:
            assert _LANGUAGE.fullmatch(language), "languages are ISO 639 codes, such as 'en'"

    async def test_closing_it_twice_is_harmless(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await closed(engine)
        await closed(engine)

    async def cancel_after(self, turns: int, work: Coroutine[Any, Any, Any]) -> None:
        """Cancel work after some turns of the event loop, and check that it stops."""
        task = asyncio.ensure_future(work)
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        if task.done():
            await task
        else:
            await self.cancel(task)

    async def cancel(self, task: asyncio.Future[Any]) -> None:
        """Cancel work under way, and check that it stops."""
        task.cancel()  # by a task group, work that does not stop could never be given up
        await asyncio.wait({task}, timeout=self.stops_within_s)
        assert task.done(), (
            f"work goes on {self.stops_within_s:g} s after it was cancelled; it is to stop within "
            "one chunk"
        )
        assert task.cancelled(), (
            "work that is cancelled raises CancelledError, instead of "
            f"{task.exception() or 'going on as if nothing was'!r}"
        )


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

    async def test_the_event_loop_goes_on_while_it_works(self, engine: Any) -> None:
        # What it does once, as loading something, and what a busy machine does by chance may pass.
        blocked_s: list[float] = []
        while len(blocked_s) < 3 and (not blocked_s or blocked_s[-1] > MOST_BLOCKED_S):
            blocked_s.append(await longest_block_s(self.complete(engine)))
        assert min(blocked_s) <= MOST_BLOCKED_S, (
            "the event loop stood still each time, for so many seconds; what blocks belongs on a "
            "thread"
        )

    async def test_work_may_be_closed_after_any_event(self, engine: Any) -> None:
        for wanted in range(4):
            with anyio.fail_after(PATIENCE_S):
                async with aclosing(self.work(engine)) as events:
                    for _ in range(wanted):
                        if await anext(events, None) is None:
                            break
        await self.complete(engine)

    async def test_work_may_be_cancelled_at_any_await(self, engine: Any) -> None:
        for turns in range(12):
            await self.cancel_after(turns, events_of(self.work(engine)))
        await self.complete(engine)

    async def test_work_may_be_cancelled_while_an_event_is_dealt_with(self, engine: Any) -> None:
        reached = anyio.Event()

        async def stop_at_first() -> None:
            async with aclosing(self.work(engine)) as events:
                try:
                    await anext(events)
                finally:
                    reached.set()
                await anyio.sleep_forever()

        task = asyncio.ensure_future(stop_at_first())
        try:
            with anyio.fail_after(PATIENCE_S):
                await reached.wait()
        finally:
            await self.cancel(task)
        await self.complete(engine)

    async def test_a_closed_engine_refuses_work(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await closed(engine)
        with pytest.raises(EngineError) as refused:
            await events_of(self.work(engine))
        assert refused.value.stage == self.stage

    async def test_closing_it_ends_work_under_way(self) -> None:
        engine, failure = await anyio.to_thread.run_sync(self.create), None
        async with aclosing(self.work(engine)) as work:
            with anyio.fail_after(PATIENCE_S):
                events = [await anext(work)]
            await closed(engine)
            try:
                with anyio.fail_after(PATIENCE_S):
                    events += [event async for event in work]
            except EngineError as error:
                failure = error
        if failure is None:
            # What does not fail has been done.
            self.check([event for event in events if not isinstance(event, Progress)])
        else:
            assert failure.stage == self.stage


async def closed(engine: Any) -> None:
    """Close an engine, within :data:`PATIENCE_S`."""
    with anyio.fail_after(PATIENCE_S):
        await engine.aclose()


async def longest_block_s(work: Coroutine[Any, Any, Any]) -> float:
    """Do work, and return how long the event loop stood still while another thread did not.

    If neither ran, the machine was busy with something else.
    """
    ticks_s, others_s, ended = [time.monotonic()], [time.monotonic()], threading.Event()

    def tick_on_thread() -> None:
        while not ended.wait(_TICK_S):
            others_s.append(time.monotonic())

    async def tick() -> None:
        while True:
            await anyio.sleep(_TICK_S)
            ticks_s.append(time.monotonic())

    thread = threading.Thread(target=tick_on_thread)
    thread.start()
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(tick)
            await work
            await anyio.sleep(_TICK_S)  # what was held up at the end counts, too
            group.cancel_scope.cancel()
    finally:
        ended.set()
        thread.join()
    return max(_blocked_s(start, end, others_s) for start, end in pairwise(ticks_s))


async def events_of(work: AsyncGenerator[Any, None]) -> list[Any]:
    """Everything that a piece of work has to tell, within :data:`PATIENCE_S`."""
    assert hasattr(work, "__anext__"), f"work is an async generator; this is {work!r}"
    with anyio.fail_after(PATIENCE_S):
        async with aclosing(work):
            return [event async for event in work if not isinstance(event, Progress)]


def noise(samples: int) -> Floats:
    """The same noise each time; shape (samples,), float32."""
    return np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32)


def _blocked_s(start_s: float, end_s: float, others_s: list[float]) -> float:
    """How much longer the loop paused than another thread did meanwhile."""
    meanwhile_s = (start_s, *(one for one in others_s if start_s < one < end_s), end_s)
    return end_s - start_s - max(later - earlier for earlier, later in pairwise(meanwhile_s))
