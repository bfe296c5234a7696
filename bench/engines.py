"""What does each engine on this machine take, and what does it give?

Every engine of the catalogue that is ready is loaded in a process of its own and given its work:
recordings of known words, questions in one, two and four conversations at once, sentences to say.
At the end, engines behind HTTP are compared with the same ones in the process::

    python -m bench.engines
    python -m bench.engines --markdown
    python -m bench.engines --engine moonshine-tiny-en
"""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import click
import msgspec
import psutil
from msgspec import Struct

from antiphon.engines.base import Role
from antiphon.engines.catalogue import Entry, builtin_catalogue
from antiphon.engines.hearing import Transcriber
from antiphon.engines.registry import Readiness, load_engine, status
from antiphon.engines.weights.store import default_home, path_of
from bench import engines_hearing, engines_speaking
from bench.clips import Clip, clips
from bench.common import Table, load_average, print_markdown, print_table
from bench.engines_hearing import Sensing, Transcribing, sensing_table, transcribing_table
from bench.engines_over_http import COMPARED, over_http_table
from bench.engines_speaking import EARS, Speaking, speaking_table
from bench.engines_thinking import Thinking, measure_language_model, thinking_table

READ_BYTES = 1 << 20

ENTRIES = {
    entry.name: entry
    for entry in builtin_catalogue().entries
    if not entry.engine.startswith("scripted")
}
"""What can be measured, if it is ready."""


class Figures(Struct, frozen=True):
    """What was measured of an engine.

    Attributes:
        name: Its name in the catalogue.
        role: What it does.
        load_s: How long it took to load, its libraries included. The weights were in the file
            cache, so no disk was measured.
        memory_bytes: What it has added to the process's memory, after its work.
        peak_bytes: The most that it had added at any time.
        work: What it did.
    """

    name: str
    role: Role
    load_s: float
    memory_bytes: int
    peak_bytes: int
    work: Transcribing | Sensing | Thinking | Speaking


@click.command()
@click.option(
    "--engine",
    type=click.Choice(list(ENTRIES)),
    help="Measure this one only, in this process, and print JSON.",
)
@click.option("--markdown", is_flag=True, help="Print tables for the manual.")
def main(*, engine: str | None, markdown: bool) -> None:
    """Measure the engines that are ready, and say what the others lack."""
    if engine is not None:
        figures = asyncio.run(_measure(ENTRIES[engine]))
        print(msgspec.json.encode(figures).decode())
        return
    before = load_average()
    _run("bench.clips")  # so that nobody has to speak them while being measured
    measured, left_out = _measure_all()
    tables = list(_tables(measured))
    if {*COMPARED} <= {one.name for one in measured}:
        tables.append(asyncio.run(over_http_table()))
    else:
        left_out["engines over HTTP"] = f"they are compared with {', '.join(COMPARED)}"
    print(
        f"`python -m bench.engines` on {_processor()}, Python {platform.python_version()}; "
        f"{before} at the start, {load_average()} at the end."
    )
    for name, reason in left_out.items():
        print(f"Not measured: {name} ({reason}).")
    print()
    for table in tables:
        if markdown:
            print_markdown(table)
        else:
            print(f"{table.title}. {table.note}\n")
            print_table(table.head, table.rows)
            print()


def _measure_all() -> tuple[list[Figures], dict[str, str]]:
    """Return what was measured, and why others were not, by name."""
    measured: list[Figures] = []
    left_out: dict[str, str] = {}
    for name, entry in ENTRIES.items():
        readiness = status(entry.role, name, home=default_home()).readiness
        if readiness is not Readiness.READY:
            left_out[name] = readiness.value
            continue
        print(f"measuring {name} ...", file=sys.stderr)
        try:
            output = _run("bench.engines", "--engine", name)
        except subprocess.CalledProcessError:
            left_out[name] = "it failed, and said why on stderr"
        else:
            measured.append(msgspec.json.decode(output, type=Figures))
    return measured, left_out


def _run(*module: str) -> str:
    """Run a module of the bench in a process of its own, and return what it prints."""
    command = [sys.executable, "-m", *module]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 (itself)


def _tables(measured: list[Figures]) -> Iterator[Table]:
    yield _loading_table(measured)
    for kind, table in (
        (Sensing, sensing_table),
        (Transcribing, transcribing_table),
        (Thinking, thinking_table),
        (Speaking, speaking_table),
    ):
        done: dict[str, Any] = {one.name: one.work for one in measured if type(one.work) is kind}
        if done:
            yield table(done)


def _loading_table(measured: list[Figures]) -> Table:
    return Table(
        "Loading",
        "In a process of its own, libraries included, from weights in the file cache. Memory is "
        "what it adds to the process: after its work, and at most.",
        ("engine", "load s", "memory MB", "at most MB"),
        [
            (one.name, f"{one.load_s:.1f}", one.memory_bytes / 1e6, one.peak_bytes / 1e6)
            for one in measured
        ],
    )


def _processor() -> str:
    """Return the processor's name where the system tells it, and how many cores there are."""
    names = [platform.processor() or platform.machine()]
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        lines = facts.read_text().splitlines()
        names += [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {names[-1]}"


# --- in the process of its own --------------------------------------------------------------------


async def _measure(entry: Entry) -> Figures:
    _read_weights(entry)
    utterances = await clips()
    process = psutil.Process()
    before_bytes = process.memory_info().rss
    began = time.perf_counter()
    threads = (os.cpu_count() or 1) if entry.role == "language_model" else 1  # as the server does
    engine: Any = await load_engine(entry.role, entry.name, threads=threads)
    load_s = time.perf_counter() - began
    try:
        done = await _work(entry.role, engine, utterances)
        memory_bytes = process.memory_info().rss - before_bytes
        peak_bytes = max(memory_bytes, _peak_bytes() - before_bytes)
    finally:
        await engine.aclose()
    if entry.role == "synthesizer":  # judged by another engine, whose memory is not its
        done = await _judge(done)
    return Figures(entry.name, entry.role, load_s, memory_bytes, peak_bytes, done)


async def _work(role: Role, engine: Any, utterances: Sequence[Clip]) -> Any:  # noqa: ANN401 (one of six protocols)
    match role:
        case "denoiser":
            return engines_hearing.measure_denoiser(engine, utterances)
        case "voice_detector":
            return engines_hearing.measure_detector(engine, utterances)
        case "turn_predictor":
            return await engines_hearing.measure_predictor(engine, utterances)
        case "transcriber":
            return await engines_hearing.measure_transcriber(engine, utterances)
        case "language_model":
            return await measure_language_model(engine)
        case "synthesizer":
            return await engines_speaking.speak_all(engine)


async def _judge(speeches: list[engines_speaking.Speech]) -> Speaking:
    ears = cast("Transcriber", await load_engine("transcriber", EARS))
    try:
        return await engines_speaking.judge(speeches, ears)
    finally:
        await ears.aclose()


def _read_weights(entry: Entry) -> None:
    """Have the system keep an engine's weights in its file cache."""
    for file in entry.files.values():
        with path_of(file, default_home()).open("rb") as weights:
            while weights.read(READ_BYTES):
                pass


def _peak_bytes() -> int:
    """Return the most memory that this process has occupied."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB


if __name__ == "__main__":
    main()
