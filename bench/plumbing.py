"""What does Antiphon itself cost, apart from any model?

The engines are HTTP servers that compute nothing and take a fixed time (``plumbing_server.py``),
detection is the embedded one. People talk at once (``plumbing_talkers.py``): each says something
for three seconds, hears the answer out, pauses for two, and so on. Server, engines and people are
three processes; what is measured is the first. It is started anew for each row::

    python -m bench.plumbing
    python -m bench.plumbing --talkers 32 --speculation off --seconds 20

``own`` is what is left of the time from the last sample of speech sent to the first audio received,
after 500 ms of silence and what the engines take: recognition, the first token, the tokens until
the first segment is complete, and the first audio of it. With speculation on, engines work while
the silence lasts, so it can be less than nothing.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import click

from antiphon.audio.formats import Floats
from bench.common import load_average, print_table, running_server, summary
from bench.plumbing_server import FixedEngines, engines_ms, fixed_engines
from bench.plumbing_talkers import FRAME_MS, SILENCE_MS, Talk, talk
from bench.questions import spoken_questions, unbroken_sentences

TARGET_TALKERS = 32
TARGET_OWN_P95_MS = {"off": 100.0, "answers": 0.0}
TARGET_CORE_PERCENT = 1.5
TARGET_MEMORY_KIB = 1024.0

_HEAD = (
    *("talkers", "answered", "wait p50 ms", "own p50 ms", "own p95 ms", "% of a core each"),
    *("KiB each", "kept audio", "errors", "people late ms", "engines late ms"),
)


class _Cost(NamedTuple):
    """What people who talked to a server cost it.

    Attributes:
        talkers: How many there were.
        talk: What they tell.
        engines_late_ms: 99th percentile of how late the engines were.
        core_percent: Processor time for each of them, of one core.
        memory_kib: The most memory for each of them.
    """

    talkers: int
    talk: Talk
    engines_late_ms: float
    core_percent: float
    memory_kib: float

    @property
    def is_sound(self) -> bool:
        """Whether people and engines kept time, so that the figures are the server's."""
        return max(self.talk.late_ms, self.engines_late_ms) < FRAME_MS and bool(self.talk.waits_ms)

    @property
    def own_p95_ms(self) -> float:
        """95th percentile of the time that neither silence nor engines account for."""
        return summary(self.talk.waits_ms)[1] - SILENCE_MS - engines_ms()

    def row(self) -> tuple[object, ...]:
        """Return a row of the table."""
        waits_ms, losses = self.talk.waits_ms, self.talk.losses
        figures: tuple[object, ...] = ("-",) * 6
        if self.is_sound:
            p50_ms = summary(waits_ms)[0]
            figures = (
                *(p50_ms, p50_ms - SILENCE_MS - engines_ms(), self.own_p95_ms),
                *(f"{self.core_percent:.2f}", self.memory_kib),
                self.talk.kept_bytes / 1024 / self.talkers,
            )
        return (
            *(self.talkers, f"{len(waits_ms)} of {len(waits_ms) + len(losses)}", *figures),
            *(self.talk.errors, f"{self.talk.late_ms:.1f}", f"{self.engines_late_ms:.1f}"),
        )


@click.command()
@click.option(
    "--talkers", "counts", multiple=True, type=click.IntRange(1), help="How many; repeatable."
)
@click.option(
    "--speculation",
    "modes",
    multiple=True,
    type=click.Choice(list(TARGET_OWN_P95_MS)),
    help="Of the server to start; repeatable.",
)
@click.option("--seconds", default=40.0, show_default=True, help="How long they talk.")
def main(*, counts: tuple[int, ...], modes: tuple[str, ...], seconds: float) -> None:
    """Have people talk to fixed engines, and say what the server adds."""
    sentences = unbroken_sentences(asyncio.run(spoken_questions(16)))
    spawn = multiprocessing.get_context("spawn")
    print(
        f"the engines take {engines_ms():.0f} ms, silence {SILENCE_MS} ms; {seconds:.0f} s each; "
        f"late is the 99th percentile, and from {FRAME_MS} ms on figures are left out\n"
    )
    with ProcessPoolExecutor(1, mp_context=spawn) as people, fixed_engines() as engines:
        for mode in modes or tuple(TARGET_OWN_P95_MS):
            before = load_average()
            costs = [
                _measure(people, engines, mode, count, seconds, sentences)
                for count in counts or (1, 2, 4, 8, 16, 32)
            ]
            print(f"speculation {mode}; {before} at the start, {load_average()} at the end\n")
            print_table(_HEAD, [cost.row() for cost in costs])
            for cost in costs:
                _remark(cost, mode)
            print()


def _measure(
    people: ProcessPoolExecutor,
    engines: FixedEngines,
    mode: str,
    count: int,
    seconds: float,
    sentences: Sequence[Floats],
) -> _Cost:
    with TemporaryDirectory() as folder:
        config = Path(folder) / "antiphon.toml"
        config.write_text(engines.config())
        with running_server("--config", str(config), "--speculation", mode) as server:
            url = server.base_url.replace("http://", "ws://") + "/realtime?model=antiphon"
            people.submit(talk, url, 1, 0.1, sentences).result()  # what all sessions share is there
            engines.take_lateness_ms()
            began_s, began_processor_s = time.perf_counter(), server.processor_s()
            before_bytes = server.resident_bytes()
            talking = people.submit(talk, url, count, seconds, sentences)
            most_bytes = server.most_bytes_while(talking)
            used_s = server.processor_s() - began_processor_s
            share = used_s / (time.perf_counter() - began_s) * 100 / count
            memory_kib = (most_bytes - before_bytes) / 1024 / count
    return _Cost(count, talking.result(), engines.take_lateness_ms(), share, memory_kib)


def _remark(cost: _Cost, mode: str) -> None:
    """Say what came in place of answers, and whether targets were met."""
    for loss, times in Counter(cost.talk.losses).items():
        print(f"{cost.talkers} talkers, in place of {times} answers: {loss}")
    if cost.talkers == TARGET_TALKERS and cost.is_sound:
        for name, reached, target in (
            ("own p95 ms", cost.own_p95_ms, TARGET_OWN_P95_MS[mode]),
            ("% of a core each", cost.core_percent, TARGET_CORE_PERCENT),
            ("KiB each", cost.memory_kib, TARGET_MEMORY_KIB),
        ):
            verdict = "met" if reached <= target else "missed"
            print(f"{name}: {reached:.1f}; target {target:g}: {verdict}")


if __name__ == "__main__":
    main()
