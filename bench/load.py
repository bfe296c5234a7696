"""How many people can talk to a server at once, how long do they wait, and is anybody let down?

People begin to talk, more of them with each step, until the server refuses: at the door, or by an
answer that fails since its engines have too much to do. Each says something for three seconds,
hears the answer out, pauses for two, and so on. One server serves all steps, and keeps what is
said, as it does if nothing else is configured::

    python -m bench.load
    python -m bench.load --language-model fast --max-sessions 8
    python -m bench.load --scripted

With ``--scripted`` engines compute nothing and take a fixed time (``plumbing_server.py``), so that
what refuses is the server itself.

Nothing that was admitted may be dropped: each turn is answered, or its response says why it is not.
A turn of which nobody ever hears again, or a session that ends by itself, makes the bench fail.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import anyio
import click
import numpy as np

from antiphon.audio.formats import Floats
from bench.common import (
    RunningServer,
    Table,
    engine_names,
    load_average,
    print_markdown,
    running_server,
)
from bench.plumbing_server import fixed_engines
from bench.plumbing_talkers import FRAME_MS, Talk, talk
from bench.questions import spoken_questions, unbroken_sentences

PATIENCE_S = 60.0
"""A turn that has no whole answer by then counts as dropped: longer than engines may queue it
(10 s) and be silent (30 s) together."""

_BYTES_PER_MIB = 1 << 20
_HEAD = (
    *("talkers", "refused at the door", "turns", "answered", "failed", "dropped"),
    *("errors", "p50 ms", "p95 ms", "p99 ms", "memory MiB", "talkers late ms"),
)


class _Step(NamedTuple):
    """What became of so many talkers.

    Attributes:
        talkers: How many came.
        talk: What they tell.
        most_bytes: The most memory of the server meanwhile.
    """

    talkers: int
    talk: Talk
    most_bytes: int

    @property
    def refuses(self) -> bool:
        """Whether the server had somebody know that there is too much to do."""
        failed = len(self.talk.losses) > self.talk.dropped
        return self.talk.refused > 0 or failed

    def row(self) -> tuple[object, ...]:
        """Return a row of the table."""
        waits_ms, losses = self.talk.waits_ms, self.talk.losses
        quantiles = np.percentile(waits_ms, (50, 95, 99)).tolist() if waits_ms else ["-"] * 3
        return (
            *(self.talkers, self.talk.refused, len(waits_ms) + len(losses), len(waits_ms)),
            *(len(losses) - self.talk.dropped, self.talk.dropped, self.talk.errors),
            *(*quantiles, self.most_bytes / _BYTES_PER_MIB, self.talk.late_ms),
        )


@click.command()
@click.option("--scripted", is_flag=True, help="Engines that take a fixed time instead of models.")
@click.option("--language-model", help="Of the server to start.")
@click.option("--max-sessions", type=click.IntRange(1), help="Of the server to start.")
@click.option("--seconds", default=30.0, show_default=True, help="How long each step lasts.")
@click.option("--most", default=512, show_default=True, help="Talkers at which to give up.")
def main(
    *,
    scripted: bool,
    language_model: str | None,
    max_sessions: int | None,
    seconds: float,
    most: int,
) -> None:
    """Have more and more people talk to a server until it refuses, and say how they fare."""
    flags = ["--language-model", language_model] if language_model else []
    flags += ["--max-sessions", str(max_sessions)] if max_sessions else []
    sentences = unbroken_sentences(anyio.run(spoken_questions, 16))
    before = load_average()
    steps = []
    spawn = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, mp_context=spawn) as people,
        _server(*flags, scripted=scripted) as server,
    ):
        for talkers in (1 << power for power in count()):
            steps.append(_step(people, server, talkers, seconds, sentences))
            if steps[-1].refuses or talkers >= most:
                break
    names = engine_names({"language_model": language_model})
    engines = "fixed times (plumbing_server.py)" if scripted else names
    note = f"{engines}; {seconds:.0f} s a step; {before} before, {load_average()} after."
    print_markdown(Table("Load", note, _HEAD, [step.row() for step in steps]))
    _remark(steps)
    if any(step.talk.dropped for step in steps):
        sys.exit("Turns were dropped: see above.")


@contextmanager
def _server(*flags: str, scripted: bool) -> Iterator[RunningServer]:
    """Run a server whose store is in a folder that is gone afterwards."""
    with TemporaryDirectory() as folder, fixed_engines() as engines:
        config = Path(folder) / "antiphon.toml"
        store = f'[store]\nurl = "sqlite:///{folder}/antiphon.db"\n'
        config.write_text(f"{engines.config()}\n{store}" if scripted else store)
        with running_server("--config", str(config), *flags) as server:
            yield server


def _step(
    people: ProcessPoolExecutor,
    server: RunningServer,
    talkers: int,
    seconds: float,
    sentences: Sequence[Floats],
) -> _Step:
    url = server.base_url.replace("http://", "ws://") + "/realtime?model=antiphon"
    talking = people.submit(talk, url, talkers, seconds, sentences, PATIENCE_S)
    most_bytes = server.most_bytes_while(talking)
    return _Step(talkers, talking.result(), most_bytes)


def _remark(steps: Sequence[_Step]) -> None:
    """Say what came in place of answers, and which figures are not the server's."""
    for step in steps:
        for loss, times in Counter(step.talk.losses).items():
            print(f"{step.talkers} talkers, in place of {times} answers: {loss}")
        if step.talk.late_ms >= FRAME_MS:
            print(f"{step.talkers} talkers: they were late themselves, so their waits are too long")


if __name__ == "__main__":
    main()
