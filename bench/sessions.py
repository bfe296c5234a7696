"""How many sessions can one core hold open while nobody speaks, and what does each cost?

Streaming: each session appends quiet noise in real time, 100 ms at once, with turn detection on, so
the embedded voice detector judges all of it. Idle: sessions that are connected and send nothing.
The other engines are scripted, and idle. The clients are a process of their own, and so is what
measures the lag; the server's event loop has one core, the others have the rest::

    python -m bench.sessions
    python -m bench.sessions --sessions 10 --sessions 50 --seconds 20
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.connection import Connection

import click
import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from antiphon.ask import WIRE_RATE_HZ
from bench.appended import appended, quiet_room
from bench.common import RunningServer, load_average, print_table, running_server

CHUNK_MS = 100
PROBE_INTERVAL_S = 0.01
SETTLE_S = 2.0
"""Left out of the measurement, after sessions were opened."""

IDLE_S = 25.0
"""How long wake-ups are counted: longer than from one ping of the server to the next."""

BASELINE_S = 5.0
"""How long wake-ups are counted without sessions."""

_FLAGS = (
    *("--transcriber", "scripted"),
    *("--language-model", "scripted"),
    *("--synthesizer", "scripted"),
    *("--max-sessions", "2000"),
)


@click.command()
@click.option(
    "--sessions", "counts", multiple=True, type=click.IntRange(1), help="How many; repeatable."
)
@click.option("--seconds", default=8.0, show_default=True, help="How long to measure each.")
@click.option("--idle", default=200, show_default=True, help="Sessions to be idle.")
def main(*, counts: tuple[int, ...], seconds: float, idle: int) -> None:
    """Say what open sessions cost."""
    with running_server(*_FLAGS) as server:
        _give_a_core(server)
        before = load_average()
        # First, as long as there is no memory that was used and is free again.
        memory_kib, wake_ups = _idle(server, idle)
        rows = [_stream(server, count, seconds) for count in counts or (1, 50, 100, 200, 300)]
    print(f"{before} at the start, {load_average()} at the end")
    print(f"sessions append {CHUNK_MS} ms at once; lag is the round trip of a WebSocket ping,")
    print("which waits until the event loop is free; behind is how late the latest append was sent")
    print("and taken: if that is more than 100 ms, client or server did not keep up\n")
    print_table(
        (
            *("sessions", "% of a core", "% a session", "sessions a core"),
            *("lag p50 ms", "lag p99 ms", "behind ms"),
        ),
        rows,
    )
    print(f"\nan idle session (of {idle}): {memory_kib:.0f} KiB, {wake_ups:.1f} wake-ups a minute")


def _give_a_core(server: RunningServer) -> None:
    """Keep the server's event loop on one core and the clients off it, where the system can."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) > 1:
        os.sched_setaffinity(server.process.pid, cores[-1:])
        os.sched_setaffinity(0, cores[:-1])


def _idle(server: RunningServer, count: int) -> tuple[float, float]:
    """Return the memory of an idle session in KiB, and how often a minute it wakes the server."""
    # The first sessions also bring in what all of them share.
    with _clients(server, 10, streaming=False):
        time.sleep(SETTLE_S)
        baseline_hz = _wake_ups_hz(server, BASELINE_S)
        before = server.resident_bytes()
        with _clients(server, count, streaming=False):
            time.sleep(SETTLE_S)
            after = server.resident_bytes()
            woken_hz = _wake_ups_hz(server, IDLE_S)
    return (after - before) / count / 1024, 60 * max(0.0, woken_hz - baseline_hz) / count


def _wake_ups_hz(server: RunningServer, seconds: float) -> float:
    """Count how often the server's main thread, the event loop, goes to sleep."""
    before = server.process.num_ctx_switches().voluntary
    time.sleep(seconds)
    return float(server.process.num_ctx_switches().voluntary - before) / seconds


def _stream(server: RunningServer, count: int, seconds: float) -> tuple[object, ...]:
    """Return a row of the table."""
    with _clients(server, count, streaming=True) as clients:
        time.sleep(SETTLE_S)
        began_s, began_processor_s = time.perf_counter(), server.processor_s()
        lags_ms = _lags_ms(server, seconds)
        used_s = server.processor_s() - began_processor_s
        share = used_s / (time.perf_counter() - began_s) * 100
        clients.send(None)
        behind = f"{clients.recv() * 1000:.0f}"
    p50, p99 = (float(np.percentile(lags_ms, q)) for q in (50, 99))
    per_session = f"{share / count:.2f}"
    lags = (f"{p50:.1f}", f"{p99:.1f}")
    return count, f"{share:.1f}", per_session, 100 / share * count, *lags, behind


def _lags_ms(server: RunningServer, seconds: float) -> list[float]:
    lags_ms: list[float] = []
    with connect(_url(server), compression=None) as probe:
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            probe.ping().wait()
            lags_ms.append((time.perf_counter() - began) * 1000)
            time.sleep(PROBE_INTERVAL_S)
    return lags_ms


# --- the clients, in a process of their own -------------------------------------------------------


@contextmanager
def _clients(server: RunningServer, count: int, *, streaming: bool) -> Iterator[Connection]:
    """Keep sessions open while the block runs.

    Streaming clients answer a message with how far they and the server are behind, in seconds.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_be_clients, args=(theirs, _url(server), count, streaming))
    process.start()
    theirs.close()
    try:
        assert ours.recv() == "open"
        yield ours
    finally:
        ours.close()
        process.join()


def _be_clients(parent: Connection, url: str, count: int, streaming: bool) -> None:  # noqa: FBT001
    asyncio.run(_hold_sessions(parent, url, count, streaming=streaming))


async def _hold_sessions(parent: Connection, url: str, count: int, *, streaming: bool) -> None:
    latest_s = 0.0

    async def speak(session: ClientConnection, offset_s: float) -> None:
        nonlocal latest_s
        loop = asyncio.get_running_loop()
        due = loop.time() + offset_s  # clients do not speak in step
        for number in range(1_000_000_000):
            await asyncio.sleep(due - loop.time())
            latest_s = max(latest_s, loop.time() - due)
            due += CHUNK_MS / 1000
            session.transport.write(frames[number % len(frames)])

    frames = appended(quiet_room(WIRE_RATE_HZ), CHUNK_MS)
    async with _sessions(url, count) as sessions, asyncio.TaskGroup() as group:
        streams = [
            group.create_task(speak(session, CHUNK_MS / 1000 * index / count))
            for index, session in enumerate(sessions if streaming else ())
        ]
        parent.send("open")
        with contextlib.suppress(EOFError):  # the block has ended
            await asyncio.to_thread(parent.recv)
            parent.send(latest_s + await _behind_s(sessions[0]))
            await asyncio.to_thread(parent.recv)
        for stream in streams:
            stream.cancel()


async def _behind_s(session: ClientConnection) -> float:
    """Measure how long an event waits behind the session's audio."""
    began = time.perf_counter()
    await session.send(json.dumps({"type": "input_audio_buffer.clear"}))
    cleared = json.loads(await session.recv())
    assert cleared["type"] == "input_audio_buffer.cleared", cleared
    return time.perf_counter() - began


@asynccontextmanager
async def _sessions(url: str, count: int) -> AsyncIterator[list[ClientConnection]]:
    """Open sessions: connected, admitted, with the default turn detection on."""
    sessions = []
    for _ in range(count):
        session = await connect_async(url, compression=None, ping_interval=None)
        created = json.loads(await session.recv())
        assert created["type"] == "session.created", created
        sessions.append(session)
    try:
        yield sessions
    finally:
        await asyncio.gather(*(session.close() for session in sessions))


def _url(server: RunningServer) -> str:
    return server.base_url.replace("http://", "ws://") + "/realtime?model=antiphon"


if __name__ == "__main__":
    main()
