"""The one bridge between blocking native code and the event loop.

Native runtimes (onnxruntime, llama.cpp) block the thread that calls them and hand out results
piece by piece. :class:`WorkerPool` runs such a *producer* on one of its few threads and presents
it as an async generator::

    async for piece in pool.stream(produce):    # produce(emit) runs on a thread
        ...

* **Back-pressure.** ``emit`` waits while the reader is ``buffer`` pieces behind.
* **Cancellation.** Closing the generator, or cancelling the task that reads it, makes the next
  ``emit`` (or ``emit.check()``) raise :class:`Stopped`, which ends the producer. The reader does
  not wait for that: a native call that cannot be interrupted must not hold up a barge-in. The
  thread counts as busy until the producer has really ended, so the bound on threads holds.
* **Fairness.** Producers that find no free thread start in the order in which they were asked for.
* **Overload.** One that finds none for ``queue_s`` never starts: an answer so late is of no use,
  and its failure, ``server_overloaded``, can be told.
* **Errors.** Whatever a producer raises reaches the reader as an ``EngineError`` of the stage.

A task group would be the usual tool, but an async generator may be closed from another task than
the one that read it, and a cancel scope must not be. So the reader waits on a plain event that
the thread sets, and there is nothing to unwind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

from antiphon.engines.base import QUEUE_S, EngineSettings, closed_error
from antiphon.engines.native.priority import give_way
from antiphon.errors import EngineError, Stage

__all__ = ["Emitter", "Stopped", "WorkerPool", "pool_for"]

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 (not an error: the reader has gone)
    """Nobody reads any more; raised in the producer to end it."""


class Emitter(Generic[T]):
    """The producer's end of a stream: a bounded queue with one writer thread and one async reader.

    Created by :meth:`WorkerPool.stream`; a producer calls it with each piece.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, buffer: int) -> None:
        self._loop = loop
        self._buffer = buffer
        self._pieces: deque[T] = deque()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._readable = asyncio.Event()
        self._stopped = False
        self._finished = False
        self._error: EngineError | None = None

    def __call__(self, piece: T) -> None:
        """Hand one piece to the reader, waiting while it is ``buffer`` pieces behind.

        Raises:
            Stopped: The reader has gone.
        """
        with self._room:
            self._room.wait_for(lambda: self._stopped or len(self._pieces) < self._buffer)
            if self._stopped:
                raise Stopped
            self._pieces.append(piece)
        self._wake()

    def offer(self, piece: T) -> None:
        """Hand one piece to the reader, unless it is ``buffer`` pieces behind or has gone.

        For news of others' work, by their threads: these must not wait for this reader.
        """
        with self._lock:
            if self._stopped or len(self._pieces) >= self._buffer:
                return
            self._pieces.append(piece)
        self._wake()

    @property
    def stopped(self) -> bool:
        """Whether the reader has gone; for native callbacks that may not raise."""
        return self._stopped

    def check(self) -> None:
        """Raise :class:`Stopped` if the reader has gone; call it between steps of long work."""
        if self._stopped:
            raise Stopped

    def finish(self, error: EngineError | None = None) -> None:
        """The producer has ended; the reader ends after the pieces that are still queued."""
        with self._lock:
            if self._finished:
                return
            self._finished = True
            self._error = error
        self._wake()

    def stop(self) -> None:
        """The reader has gone: drop what is queued and release the producer."""
        with self._room:
            self._stopped = True
            self._pieces.clear()
            self._room.notify_all()

    def abort(self, error: EngineError) -> None:
        """The engine closes: end both sides, the reader with an error.

        If the producer has ended, the reader still gets what is queued: without the end of it, work
        that is cut off would look complete.
        """
        with self._room:
            if self._finished:
                return
            self._finished = self._stopped = True
            self._error = error
            self._pieces.clear()
            self._room.notify_all()
        self._wake()

    async def take(self) -> T:
        """Wait for the next piece.

        Raises:
            anyio.EndOfStream: The producer has ended and every piece was taken.
            EngineError: The same, but the producer failed.
        """
        while True:
            with self._room:
                if self._pieces:
                    self._room.notify()
                    return self._pieces.popleft()
                if self._finished:
                    raise self._error or anyio.EndOfStream
                self._readable.clear()
            await self._readable.wait()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._readable.set)
        except RuntimeError:  # the loop has closed, and the reader with it
            self.stop()


class WorkerPool:
    """A bounded number of threads on which one engine computes.

    Args:
        stage: The stage that errors are attributed to.
        threads: How many producers may run at once; the others queue.
        name: Engine name, for thread names and messages.
        queue_s: How long a producer may wait for a thread.
    """

    def __init__(self, *, stage: Stage, threads: int, name: str, queue_s: float = QUEUE_S) -> None:
        self._queue_s = queue_s
        self._stage = stage
        self._name = name
        self._executor = ThreadPoolExecutor(threads, f"antiphon-{name}", initializer=give_way)
        self._open: set[Emitter[object]] = set()
        self._closed = False

    async def stream(
        self, produce: Callable[[Emitter[T]], None], *, buffer: int = 4
    ) -> AsyncGenerator[T, None]:
        """Run ``produce`` on a thread and yield what it emits.

        Args:
            produce: Blocking function; it is given the emitter and may let :class:`Stopped` pass.
            buffer: How many pieces it may be ahead of the reader.

        Raises:
            EngineError: The producer raised (an ``EngineError`` passes as it is, anything else is
                wrapped), found no free thread in time (code ``server_overloaded``), or
                the pool was closed (code ``engine_closed``).
        """
        self._refuse_if_closed()
        emit: Emitter[T] = Emitter(asyncio.get_running_loop(), buffer)
        self._open.add(emit)  # type: ignore[arg-type]  # only stopped and finished from here
        job = self._executor.submit(self._run, produce, emit)

        def give_up() -> None:
            if job.cancel():  # it has not started
                emit.finish(self._overload())

        giving_up = asyncio.get_running_loop().call_later(self._queue_s, give_up)
        try:
            with contextlib.suppress(anyio.EndOfStream):
                while True:
                    yield await emit.take()
        finally:
            giving_up.cancel()
            emit.stop()
            job.cancel()  # if it has not started yet, it never will
            self._open.discard(emit)

    async def call(self, function: Callable[[], T]) -> T:
        """Run ``function`` on a thread and return its result.

        Raises:
            EngineError: As for :meth:`stream`.
        """

        def produce(emit: Emitter[T]) -> None:
            emit(function())

        async with contextlib.aclosing(self.stream(produce)) as results:
            return await anext(results)

    async def aclose(self) -> None:
        """Cancel all work and wait until every thread has ended. May be called twice."""
        self._closed = True
        for emit in tuple(self._open):
            emit.abort(closed_error(self._name, self._stage))
        shutdown = partial(self._executor.shutdown, wait=True, cancel_futures=True)
        await anyio.to_thread.run_sync(shutdown, abandon_on_cancel=True)

    def _run(self, produce: Callable[[Emitter[T]], None], emit: Emitter[T]) -> None:
        try:
            produce(emit)
        except Stopped:
            emit.finish()
        except EngineError as error:
            emit.finish(error)
        except Exception as error:  # the boundary: engines raise nothing but EngineError
            _log.exception("%s failed", self._name)
            wrapped = EngineError(f"{self._name} failed: {error!r}", stage=self._stage)
            wrapped.__cause__ = error
            emit.finish(wrapped)
        else:
            emit.finish()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise closed_error(self._name, self._stage)

    def _overload(self) -> EngineError:
        message = f"{self._name} was busy with other requests for {self._queue_s:g} s"
        return EngineError(message, stage=self._stage, code="server_overloaded", retryable=True)


def pool_for(settings: EngineSettings, stage: Stage, threads: int | None = None) -> WorkerPool:
    """Return the threads of an engine.

    Args:
        settings: What it is built from.
        stage: The stage that its errors are attributed to.
        threads: How many, if not as many as the settings say.
    """
    return WorkerPool(
        stage=stage,
        threads=threads or settings.threads,
        name=settings.name,
        queue_s=settings.queue_s,
    )
