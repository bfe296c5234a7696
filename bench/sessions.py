"""What does an open session cost, while nobody speaks?

Processor time: each session appends quiet noise in real time, 100 ms at once, with turn detection
on, so the embedded voice detector judges all of it. Memory: sessions that are connected and send
nothing. The other engines are scripted, and idle::

    python -m bench.sessions
    python -m bench.sessions --sessions 10 --sessions 50 --seconds 20
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import click
import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from antiphon.ask import WIRE_RATE_HZ
from antiphon.audio.formats import to_int16s
from bench.common import RunningServer, load_average, print_table, running_server

CHUNK_MS = 100
NOISE_AMPLITUDE = 0.002
"""-54 dBFS: a quiet room. Digital silence would be cheaper to judge than any microphone."""

PROBE_INTERVAL_S = 0.02
SETTLE_S = 2.0
"""Left out of the measurement, after sessions were opened."""

_FLAGS = (
    *("--transcriber", "scripted"),
    *("--language-model", "scripted"),
    *("--synthesizer", "scripted"),
    *("--max-sessions", "1000"),
)


@click.command()
@click.option(
    "--sessions", "counts", multiple=True, type=click.IntRange(1), help="How many; repeatable."
)
@click.option("--seconds", default=10.0, show_default=True, help="How long to measure each.")
@click.option("--idle", default=200, show_default=True, help="Sessions to measure memory with.")
def main(*, counts: tuple[int, ...], seconds: float, idle: int) -> None:
    """Say what open sessions cost."""
    with running_server(*_FLAGS) as server:
        before = load_average()
        memory_kib = asyncio.run(_memory_per_session_kib(server, idle))
        rows = [asyncio.run(_stream(server, count, seconds)) for count in counts or (1, 10, 25, 50)]
    print(f"{before} at the start, {load_average()} at the end")
    print(f"sessions append {CHUNK_MS} ms at once; round trips are those of WebSocket pings, so")
    print("they bound how long the event loop is held up\n")
    print_table(
        ("sessions", "% of a core", "per session", "ping p50 ms", "ping p99 ms", "late appends"),
        rows,
    )
    print(f"\nmemory of an idle session: {memory_kib:.0f} KiB (over {idle} sessions)")


async def _memory_per_session_kib(server: RunningServer, count: int) -> float:
    # The first sessions also bring in what all of them share.
    async with _sessions(server, 10):
        await asyncio.sleep(SETTLE_S)
        before = server.resident_bytes()
        async with _sessions(server, count):
            await asyncio.sleep(SETTLE_S)
            after = server.resident_bytes()
    return (after - before) / count / 1024


async def _stream(server: RunningServer, count: int, seconds: float) -> tuple[object, ...]:
    """Return a row of the table."""
    frames = _frames()
    late = 0

    async def speak(session: ClientConnection, offset_s: float) -> None:
        nonlocal late
        loop = asyncio.get_running_loop()
        due = loop.time() + offset_s  # clients do not speak in step
        for number in range(1_000_000_000):
            await asyncio.sleep(due - loop.time())
            late += loop.time() - due > CHUNK_MS / 1000
            due += CHUNK_MS / 1000
            await session.send(frames[number % len(frames)])

    async with _sessions(server, count + 1) as (probe, *sessions), asyncio.TaskGroup() as group:
        streams = [
            group.create_task(speak(session, CHUNK_MS / 1000 * index / count))
            for index, session in enumerate(sessions)
        ]
        await asyncio.sleep(SETTLE_S)
        late = 0
        began_s = server.processor_s()
        round_trips_ms = await _ping(probe, seconds)
        used_s = server.processor_s() - began_s
        for stream in streams:
            stream.cancel()
    share = used_s / seconds * 100
    p50, p99 = (float(np.percentile(round_trips_ms, q)) for q in (50, 99))
    return count, f"{share:.1f}", f"{share / count:.2f}", f"{p50:.1f}", f"{p99:.1f}", late


async def _ping(probe: ClientConnection, seconds: float) -> list[float]:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    round_trips_ms: list[float] = []
    while loop.time() < until:
        round_trips_ms.append(await (await probe.ping()) * 1000)
        await asyncio.sleep(PROBE_INTERVAL_S)
    return round_trips_ms


@asynccontextmanager
async def _sessions(server: RunningServer, count: int) -> AsyncIterator[list[ClientConnection]]:
    """Open sessions: connected, admitted, with the default turn detection on."""
    url = server.base_url.replace("http://", "ws://") + "/realtime?model=antiphon"
    async with AsyncExitStack() as stack:
        sessions = [
            await stack.enter_async_context(connect(url, compression=None)) for _ in range(count)
        ]
        for session in sessions:
            created = json.loads(await session.recv())
            assert created["type"] == "session.created", created
        yield sessions


def _frames() -> list[str]:
    """Return a second of noise as events."""
    noise = np.random.default_rng(0).normal(0, NOISE_AMPLITUDE, WIRE_RATE_HZ)
    chunks = to_int16s(noise.astype(np.float32)).reshape(1000 // CHUNK_MS, -1)
    return [
        json.dumps(
            {
                "type": "input_audio_buffer.append",
                "audio": base64.b64encode(chunk.tobytes()).decode(),
            }
        )
        for chunk in chunks
    ]


if __name__ == "__main__":
    main()
