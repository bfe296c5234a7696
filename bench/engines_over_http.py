"""What it costs to have an engine behind HTTP instead of in the process.

The same model and the same work in turn: by the engine in this process, and by one of the
``http-…`` engines, from a server on the same machine. Transcriber and synthesizer are served by
Antiphon, the language model by llama.cpp's own server. The language model's prompt is cached by
both, so the time to its first token is that of one token and of the way there and back::

    python -m bench.engines_over_http
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, cast

from antiphon.core.plan import ChatMessage
from antiphon.engines.base import Engine, Role
from antiphon.engines.catalogue import builtin_catalogue
from antiphon.engines.hearing import Transcriber
from antiphon.engines.native.openmp import spin_briefly
from antiphon.engines.registry import load_engine
from antiphon.engines.speaking import Synthesizer
from antiphon.engines.thinking import GenerationRequest, LanguageModel
from antiphon.engines.weights.store import default_home, path_of
from bench.clips import clips, joined
from bench.common import Table, load_average, print_table, running_server
from bench.engines_hearing import transcribe
from bench.engines_speaking import FIVE_WORDS, speak
from bench.engines_thinking import ask

__all__ = ["COMPARED", "over_http_table"]

COMPARED = ("moonshine-tiny-en", "smollm2-135m", "piper-en-us-joe")
"""What has to be ready: a transcriber, a language model and a synthesizer."""

TRANSCRIBER, LANGUAGE_MODEL, SYNTHESIZER = COMPARED
REPEATS = 15
TOKENS = 48
REQUEST = GenerationRequest(
    messages=(ChatMessage("user", "Tell me a long story about the sea."),),
    max_output_tokens=TOKENS,
    conversation="bench",
)
SAMPLING = {"temperature": 0.3, "top_p": 0.9, "repeat_penalty": 1.1, "seed": 1}
"""What the engine in the process asks of llama.cpp."""

Timing = Callable[[Engine], Awaitable[tuple[float, ...]]]
"""Has an engine work once, and returns how long it took to what, in milliseconds."""


async def over_http_table() -> Table:
    """Compare engines in the process with the same engines behind HTTP.

    Raises:
        AntiphonError: One of them cannot be loaded.
    """
    rows: list[tuple[str, str, str]] = []
    scripted = ("--voice-detector", "scripted", "--language-model", "scripted")
    served = ("--transcriber", TRANSCRIBER, "--synthesizer", SYNTHESIZER)
    with running_server(*scripted, *served) as server:
        address = server.base_url
        timings = await _compare("transcriber", TRANSCRIBER, address, await _hearing())
        rows.append((f"{TRANSCRIBER}: words of 2 s", *timings[0]))
        timings = await _compare("synthesizer", SYNTHESIZER, address, _speaking)
        rows.append((f"{SYNTHESIZER}: first sound of five words", *timings[0]))
    llama = await asyncio.to_thread(_llama_server)
    address = f"{llama.listening_address}/v1"
    timings = await _compare("language_model", LANGUAGE_MODEL, address, _thinking)
    rows.append((f"{LANGUAGE_MODEL}: first token", *timings[0]))
    rows.append((f"{LANGUAGE_MODEL}: each further token", *timings[1]))
    return Table(
        "Over HTTP",
        "The same engine in the process and behind a server on the same machine, in milliseconds, "
        f"median of {REPEATS} in turn.",
        ("", "in process", "over HTTP"),
        rows,
    )


async def _compare(role: Role, name: str, address: str, timing: Timing) -> list[tuple[str, str]]:
    """Return the medians of each time, in the process and over HTTP."""
    threads, inside, behind = 1, {}, {}
    if role == "language_model":
        threads, inside, behind = _cores(), {"seed": 1}, {"body": SAMPLING}
    async with AsyncExitStack() as stack:
        engines = [
            await load_engine(role, name, threads=threads, options=inside),
            await load_engine(role, address, options=behind),
        ]
        for engine in engines:
            stack.push_async_callback(engine.aclose)
            await timing(engine)  # the first work of all takes longer
        pairs = [[await timing(engine) for engine in engines] for _ in range(REPEATS)]
    here_ms, there_ms = (zip(*column, strict=True) for column in zip(*pairs, strict=True))
    return [
        (f"{statistics.median(here):.1f}", f"{statistics.median(there):.1f}")
        for here, there in zip(here_ms, there_ms, strict=True)
    ]


async def _hearing() -> Timing:
    audio = joined(await clips(), 2)

    async def timing(engine: Engine) -> tuple[float, ...]:
        began = time.perf_counter()
        await transcribe(cast("Transcriber", engine), audio)
        return ((time.perf_counter() - began) * 1000,)

    return timing


async def _speaking(engine: Engine) -> tuple[float, ...]:
    speech = await speak(cast("Synthesizer", engine), FIVE_WORDS[0])
    return (speech.first_ms,)


async def _thinking(engine: Engine) -> tuple[float, ...]:
    answer = await ask(cast("LanguageModel", engine), REQUEST)
    return answer.first_ms, answer.further_ms


def _llama_server() -> Any:  # noqa: ANN401 (untyped library)
    """Start llama.cpp's server, set up as the engine sets it up."""
    spin_briefly()
    import xllamacpp  # noqa: PLC0415 (reads its environment as it is imported)

    entry = builtin_catalogue().find("language_model", LANGUAGE_MODEL)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path_of(entry.files["model"], default_home()))
    parameters.n_gpu_layers = 0
    parameters.n_ctx = 4096
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = max(1, _cores() - 1)
    parameters.cpuparams_batch.n_threads = _cores()
    parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    parameters.use_jinja = True
    parameters.verbosity = -1
    parameters.port = 0
    return xllamacpp.Server(parameters)


def _cores() -> int:
    return os.cpu_count() or 1


def main() -> None:
    before = load_average()
    table = asyncio.run(over_http_table())
    print(f"{table.note} {before} at the start, {load_average()} at the end\n")
    print_table(table.head, table.rows)


if __name__ == "__main__":
    main()
