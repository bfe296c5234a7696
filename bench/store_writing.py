"""What does keeping responses cost those who talk? Delay of the event loop, and processor time.

Run as ``python -m bench.store_writing``. A loop that has nothing else to do is asked to wake up
every millisecond, by turns with nothing being kept, and with so many turns a second being kept: two
items and a response each, with metadata. How late it wakes is how late an event would be.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from tests.store.support import item, response, said, sound

from antiphon.config import StoreChoice
from antiphon.store.store import Store, open_store
from bench.common import load_average, print_table

TURNS_PER_S = 20
"""What some hundred conversations come to."""

ROUNDS = 5
ROUND_S = 3.0
TICK_S = 0.001


class _Talk:
    """Puts turns, and measures how long that takes."""

    def __init__(self, store: Store, *, with_audio: bool) -> None:
        self._store = store
        self._sounds = (sound(seconds=2.0), sound(seconds=4.0)) if with_audio else ()
        self.turns = 0
        self.put_s = 0.0

    async def go_on(self) -> None:
        """Put turns for a round."""
        ends_at = time.perf_counter() + ROUND_S
        while time.perf_counter() < ends_at:
            began_s = time.perf_counter()
            self._put(self.turns)
            self.put_s += time.perf_counter() - began_s
            self.turns += 1
            await asyncio.sleep(1 / TURNS_PER_S)

    def _put(self, turn: int) -> None:
        asked, answered = f"asked_{turn}", f"answered_{turn}"
        question = said("What is the weather like in Oslo today?", asked)
        answer = said("It rains, and it will for the rest of the week.", answered)
        self._store.put(item(question, position=2 * turn))
        self._store.put(item(answer, position=2 * turn + 1, response_id=f"resp_{turn}"))
        self._store.put(response(f"resp_{turn}", metadata={"turn": str(turn)}, output=(answer,)))
        for item_id, spoken in zip((asked, answered), self._sounds, strict=False):
            self._store.put(replace(spoken, item_id=item_id))


async def _late_ms() -> list[float]:
    """Return how late the loop wakes up, for a round."""
    late_ms = []
    ends_at = time.perf_counter() + ROUND_S
    while time.perf_counter() < ends_at:
        began_s = time.perf_counter()
        await asyncio.sleep(TICK_S)
        late_ms.append((time.perf_counter() - began_s - TICK_S) * 1000)
    return late_ms


def _writer_s() -> float:
    """Return the processor time of the writer's thread so far."""
    (writer,) = (one for one in threading.enumerate() if one.name == "antiphon-store")
    assert writer.ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(writer.ident))


async def _measure(*, with_audio: bool) -> tuple[str, ...]:
    idle: list[float] = []
    busy: list[float] = []
    with tempfile.TemporaryDirectory() as home:
        async with open_store(StoreChoice(audio=with_audio), Path(home)) as store:
            talk = _Talk(store, with_audio=with_audio)
            began_s = _writer_s()
            for _ in range(ROUNDS):
                idle += await _late_ms()
                late_ms, _ = await asyncio.gather(_late_ms(), talk.go_on())
                busy += late_ms
            await store.flush()
            writer_ms = (_writer_s() - began_s) * 1000 / talk.turns
    quiet, loud = np.percentile(idle, (50, 95, 99)), np.percentile(busy, (50, 95, 99))
    late = [f"{one:.2f} / {other:.2f}" for one, other in zip(quiet, loud, strict=True)]
    put_us = talk.put_s / talk.turns * 1e6
    name = "with audio" if with_audio else "without audio"
    return name, *late, f"{loud[1] / quiet[1]:.2f}", f"{put_us:.0f}", f"{writer_ms:.2f}"


def main() -> None:
    heading = ("", "p50 ms", "p95 ms", "p99 ms", "ratio of p95", "µs to put a turn", "writer ms")
    rows = [asyncio.run(_measure(with_audio=with_audio)) for with_audio in (False, True)]
    print_table(heading, rows)
    print(f"late by nothing / {TURNS_PER_S} turns a second kept; {load_average()}")


if __name__ == "__main__":
    main()
