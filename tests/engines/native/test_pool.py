"""The bridge between native threads and the event loop."""

from __future__ import annotations

import threading
from contextlib import aclosing

import anyio
import pytest

from antiphon.engines.base import EngineSettings
from antiphon.engines.native.pool import Emitter, Stopped, WorkerPool, pool_for
from antiphon.errors import EngineError

PATIENCE_S = 5.0
"""A bound on waiting for a thread, far above what it takes; reaching it fails the test."""


@pytest.fixture(scope="module")
def anyio_backend(both_loops):
    return both_loops


@pytest.fixture
async def pool():
    pool = WorkerPool(stage="generate", threads=2, name="test")
    yield pool
    await pool.aclose()


async def reached(event: threading.Event) -> None:
    with anyio.fail_after(PATIENCE_S):
        await anyio.to_thread.run_sync(event.wait, abandon_on_cancel=True)


class Counter:
    """A producer that counts upwards until it is stopped, and tells how it ended."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.stopped = threading.Event()
        self.emitted = 0

    def __call__(self, emit: Emitter[int]) -> None:
        self.started.set()
        try:
            while True:
                emit(self.emitted)
                self.emitted += 1
        except Stopped:
            self.stopped.set()
            raise


async def test_pieces_arrive_in_order_and_the_stream_ends_with_the_producer(pool):
    def produce(emit: Emitter[int]) -> None:
        for i in range(100):
            emit(i)

    assert [i async for i in pool.stream(produce)] == list(range(100))


async def test_none_is_a_piece_like_any_other(pool):
    assert [piece async for piece in pool.stream(lambda emit: emit(None))] == [None]


async def test_a_slow_reader_holds_the_producer_back(pool):
    counter = Counter()
    async with aclosing(pool.stream(counter, buffer=3)) as pieces:
        taken = [await anext(pieces) for _ in range(5)]
        assert taken == [0, 1, 2, 3, 4]
    await reached(counter.stopped)
    assert counter.emitted <= 5 + 3


async def test_closing_the_stream_ends_the_producer(pool):
    counter = Counter()
    stream = pool.stream(counter)
    assert await anext(stream) == 0
    await stream.aclose()
    await reached(counter.stopped)


async def test_a_closed_stream_does_not_wait_for_a_native_call_that_cannot_be_interrupted(pool):
    go_on, started, stopped = threading.Event(), threading.Event(), threading.Event()

    def produce(emit: Emitter[int]) -> None:
        emit(0)
        started.set()
        go_on.wait(PATIENCE_S)
        try:
            emit.check()
        except Stopped:
            stopped.set()
            raise

    stream = pool.stream(produce)
    await anext(stream)
    await reached(started)
    await stream.aclose()
    assert not stopped.is_set()
    go_on.set()
    await reached(stopped)


async def test_cancelling_a_reader_that_waits_for_the_first_piece_ends_the_producer(pool):
    started, stopped, go_on = threading.Event(), threading.Event(), threading.Event()

    def produce(emit: Emitter[int]) -> None:
        started.set()
        go_on.wait(PATIENCE_S)
        if emit.stopped:
            stopped.set()

    async def read() -> None:
        async for _ in pool.stream(produce):
            pytest.fail("nothing is emitted")

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await reached(started)
        group.cancel_scope.cancel()
    go_on.set()
    await reached(stopped)


async def test_cancelling_a_reader_between_two_pieces_ends_the_producer(pool):
    counter = Counter()

    async def read(first: anyio.Event) -> None:
        async for _ in pool.stream(counter):
            first.set()
            await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        first = anyio.Event()
        group.start_soon(read, first)
        await first.wait()
        group.cancel_scope.cancel()
    await reached(counter.stopped)


async def test_work_cancelled_while_it_queues_never_starts(pool):
    busy = [Counter(), Counter()]
    streams = [pool.stream(counter) for counter in busy]
    for stream in streams:
        await anext(stream)
    queued = Counter()
    with anyio.move_on_after(0):
        await anext(pool.stream(queued))
    for stream in streams:
        await stream.aclose()
    assert await pool.call(lambda: "a later job") == "a later job"
    assert not queued.started.is_set()


async def test_no_more_producers_run_at_once_than_there_are_threads(pool):
    lock = threading.Lock()
    running = highest = 0
    both_running = threading.Barrier(2)

    def produce(emit: Emitter[int]) -> None:
        nonlocal running, highest
        with lock:
            running += 1
            highest = max(highest, running)
        both_running.wait(PATIENCE_S)
        with lock:
            running -= 1

    async def read() -> None:
        async for _ in pool.stream(produce):
            pass

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(read)
    assert highest == 2


async def test_what_is_done_when_the_pool_closes_is_not_cut_off():
    pool = WorkerPool(stage="generate", threads=1, name="test")

    def produce(emit) -> None:
        for number in range(3):
            emit(number)

    async with aclosing(pool.stream(produce)) as pieces:
        taken = [await anext(pieces)]
        await pool.call(list)  # on the only thread, so the producer has ended
        await pool.aclose()
        taken += [piece async for piece in pieces]
    assert taken == [0, 1, 2]


async def test_queued_work_starts_in_the_order_it_was_asked_for():
    pool = WorkerPool(stage="generate", threads=1, name="test")
    order: list[int] = []

    async def read(i: int, **_: object) -> None:
        await pool.call(lambda: order.append(i))

    async with anyio.create_task_group() as group:
        for i in range(20):
            group.start_soon(read, i)
    await pool.aclose()
    assert order == list(range(20))


async def test_what_a_producer_raises_becomes_an_engine_error_of_the_stage(pool):
    def produce(emit: Emitter[int]) -> None:
        emit(1)
        raise ValueError("bad tensor")

    stream = pool.stream(produce)
    assert await anext(stream) == 1
    with pytest.raises(EngineError, match="bad tensor") as caught:
        await anext(stream)
    assert caught.value.stage == "generate"
    assert isinstance(caught.value.__cause__, ValueError)


async def test_an_engine_error_passes_as_it_is(pool):
    raised = EngineError("too long", stage="generate", code="context_length_exceeded")

    def fail() -> None:
        raise raised

    with pytest.raises(EngineError) as caught:
        await pool.call(fail)
    assert caught.value is raised


async def test_closing_the_pool_ends_readers_producers_and_threads():
    pool = WorkerPool(stage="transcribe", threads=1, name="closing")
    counter = Counter()
    running, queued = pool.stream(counter), pool.stream(Counter())
    assert await anext(running) == 0
    outcomes: list[str] = []

    async def read_on(stream) -> None:
        try:
            async for _ in stream:
                pass
        except EngineError as error:
            outcomes.append(error.code)

    async with anyio.create_task_group() as group:
        group.start_soon(read_on, running)
        group.start_soon(read_on, queued)
        await anyio.wait_all_tasks_blocked()
        await pool.aclose()
    assert outcomes == ["engine_closed", "engine_closed"]
    assert counter.stopped.is_set()
    assert not [t for t in threading.enumerate() if t.name.startswith("antiphon-closing")]
    await pool.aclose()
    with pytest.raises(EngineError, match="closing is closed"):
        await pool.call(lambda: None)


async def test_cancelled_at_any_moment_no_thread_stays_busy(pool):
    """Cancel after 0, 1, 2 … turns of the loop, wherever the reader then is."""

    async def read(taken: list[int]) -> None:
        async for piece in pool.stream(lambda emit: [emit(i) for i in range(6)], buffer=1):
            taken.append(piece)

    for turns in range(40):
        taken: list[int] = []
        async with anyio.create_task_group() as group:
            group.start_soon(read, taken)
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        assert taken == list(range(len(taken)))
    with anyio.fail_after(PATIENCE_S):
        assert await pool.call(lambda: "free") == "free"


async def test_what_is_offered_waits_for_no_reader():
    pool = pool_for(EngineSettings(name="test"), "generate")
    offered = threading.Event()

    def produce(emit: Emitter[int]) -> None:
        for number in range(10):
            emit.offer(number)
        offered.set()

    async with aclosing(pool.stream(produce, buffer=2)) as pieces:
        assert await anext(pieces) == 0
        await reached(offered)
        emitted = [number async for number in pieces]
    assert len(emitted) <= 2
    await pool.aclose()


async def test_a_producer_that_finds_no_thread_in_time_never_starts():
    pool = pool_for(EngineSettings(name="test", queue_s=0.05), "generate")
    working, waiting = Counter(), Counter()
    async with aclosing(pool.stream(working)) as pieces:
        await anext(pieces)
        with pytest.raises(
            EngineError, match=r"^test was busy with other requests for 0\.05 s$"
        ) as overload:
            await anext(pool.stream(waiting))
        assert (overload.value.code, overload.value.retryable) == ("server_overloaded", True)
        assert await anext(pieces) == 1, "what runs is not disturbed"
    await reached(working.stopped)
    assert not waiting.started.is_set()
    await pool.aclose()


async def test_a_producer_that_has_started_may_take_its_time():
    pool = WorkerPool(stage="generate", threads=1, name="test", queue_s=0.01)
    told = threading.Event()

    def produce(emit: Emitter[str]) -> None:
        told.wait(PATIENCE_S)
        emit("late")

    async with aclosing(pool.stream(produce)) as pieces, anyio.create_task_group() as tasks:
        tasks.start_soon(_tell_after, 0.05, told)  # five times as long as it may wait
        assert await anext(pieces) == "late"
    await pool.aclose()


async def _tell_after(delay_s: float, event: threading.Event) -> None:
    await anyio.sleep(delay_s)
    event.set()
