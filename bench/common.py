"""What the benchmarks share: a server of their own, and numbers in tables."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil

from antiphon.engines.base import Role
from antiphon.engines.registry import statuses
from antiphon.engines.weights.store import default_home

__all__ = [
    "RunningServer",
    "Table",
    "engine_names",
    "load_average",
    "print_markdown",
    "print_table",
    "running_server",
    "summary",
]

STOP_TIMEOUT_S = 15.0

MEMORY_INTERVAL_S = 0.25
"""How often a server's memory is looked at where the most that it ever was counts."""

_BASE_URL = re.compile(r"Base URL: (\S+)")


@dataclass(frozen=True)
class RunningServer:
    """A server that was started for a benchmark.

    Attributes:
        base_url: For example ``http://127.0.0.1:41234/v1``.
        process: The server's process, to be measured.
    """

    base_url: str
    process: psutil.Process

    def processor_s(self) -> float:
        """Return the processor time it has used so far, in seconds of one core."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def resident_bytes(self) -> int:
        """Return the memory it occupies."""
        return int(self.process.memory_info().rss)

    def most_bytes_while(self, work: Future[Any]) -> int:
        """Return the most memory that it occupied until some work was done."""
        most_bytes = self.resident_bytes()
        while wait([work], MEMORY_INTERVAL_S).not_done:
            most_bytes = max(most_bytes, self.resident_bytes())
        return most_bytes


@contextmanager
def running_server(*flags: str) -> Iterator[RunningServer]:
    """Run ``antiphon serve`` on a free port, in a process of its own, until the block ends.

    Args:
        flags: Further flags of ``antiphon serve``.

    Raises:
        RuntimeError: It ended before it listened; what it says goes to stderr.
    """
    command = [sys.executable, "-m", "antiphon.cli", "serve", "--port", "0", *flags]
    with (
        TemporaryDirectory() as data,  # responses are kept as they always are, and thrown away
        subprocess.Popen(  # noqa: S603 (itself)
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_DATA_HOME": data},
        ) as server,
    ):
        assert server.stdout is not None
        try:
            announced = (_BASE_URL.search(line) for line in server.stdout)
            base_url = next((match[1] for match in announced if match), None)
            if base_url is None:
                message = f"the server ended with exit status {server.wait()} before it listened"
                raise RuntimeError(message)
            yield RunningServer(base_url, psutil.Process(server.pid))
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(STOP_TIMEOUT_S)


def engine_names(chosen: Mapping[Role, str | None]) -> str:
    """Return the names of the engines that a server with these choices runs, in one line."""
    return ", ".join(engine.name for engine in statuses(chosen, home=default_home()))


def load_average() -> str:
    """Return how busy the machine is: numbers from a busy one mean little."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a head: words to the left, numbers to the right, without decimals."""
    cells = [list(head)] + [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for first, *others in cells:
        line = [first.ljust(widths[0])]
        line += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join(line).rstrip())


@dataclass(frozen=True)
class Table:
    """A table with what is to be known of it.

    Attributes:
        title: A few words.
        note: What was measured, and how, in a sentence or two.
        head: Names of the columns.
        rows: As many cells each.
    """

    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]


def print_markdown(table: Table) -> None:
    """Print a table for a page of the manual: words to the left, numbers to the right."""
    print(f"### {table.title}\n\n{table.note}\n")
    align = ["---", *("---:" for _ in table.head[1:])]
    for row in (table.head, align, *table.rows):
        print(f"| {' | '.join(map(_cell, row))} |")
    print()


def summary(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the median, the 95th percentile and the mean."""
    return float(np.median(values)), float(np.percentile(values, 95)), float(np.mean(values))


def _cell(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)
