"""What it costs to have a language model behind HTTP instead of in the process.

The same model, llama.cpp and threads, asked for the same answers in turn: by the engine ``llama``,
and by ``http-language-model`` through llama.cpp's own server. The prompt is cached by both, so the
time to the first token is that of one token and of the way there and back::

    python -m bench.http_overhead --answers 20
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import anyio
import anyio.to_thread

from antiphon.core.plan import ChatMessage
from antiphon.engines import llama
from antiphon.engines.base import EngineSettings
from antiphon.engines.catalogue import builtin_catalogue
from antiphon.engines.http import factories
from antiphon.engines.thinking import GenerationRequest, LanguageModel, TextDelta
from antiphon.engines.weights import default_home, path_of

TOKENS = 48
REQUEST = GenerationRequest(
    messages=(ChatMessage("user", "Tell me a long story about the sea."),),
    max_output_tokens=TOKENS,
    conversation="bench",
)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--answers", type=int, default=20)
    arguments = parser.parse_args()
    entry = builtin_catalogue().find("language_model", arguments.model)
    files = {key: path_of(file, default_home()) for key, file in entry.files.items()}
    settings = EngineSettings(name=entry.name, files=files, options={"seed": 1}, threads=2)
    inside = await anyio.to_thread.run_sync(llama.create, settings)
    server = await anyio.to_thread.run_sync(llama_server, str(files["model"]))
    body = {"temperature": 0.3, "top_p": 0.9, "repeat_penalty": 1.1, "seed": 1}  # as inside
    options = {"base_url": f"{server.listening_address}/v1", "body": body}
    behind: Any = await anyio.to_thread.run_sync(
        factories.create_language_model, EngineSettings(name="http", options=options)
    )
    engines: dict[str, LanguageModel] = {"in process": inside, "over HTTP": behind}
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    for answer in range(arguments.answers + 1):
        for name, engine in engines.items():
            measured = await measure(engine)
            if answer:  # the first one reads the prompt
                figures[name].append(measured)
    print(f"{'':12}{'first token':>14}{'each further':>14}   (median of {arguments.answers})")
    for name, pairs in figures.items():
        first_ms, further_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{name:12}{first_ms:11.1f} ms{further_ms:11.2f} ms")
    for engine in engines.values():
        await engine.aclose()


def llama_server(path: str) -> Any:  # noqa: ANN401 (untyped library)
    """llama.cpp's server, set up as the engine sets it up."""
    import xllamacpp  # noqa: PLC0415 (the engine has set its environment)

    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.n_gpu_layers = 0
    parameters.n_ctx = 4096
    parameters.n_parallel = parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 2
    parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    parameters.use_jinja = True
    parameters.verbosity = -1
    parameters.port = 0
    return xllamacpp.Server(parameters)


async def measure(engine: LanguageModel) -> tuple[float, float]:
    """Milliseconds to the first delta, and from one to the next on average."""
    started = time.perf_counter()
    at = [time.perf_counter() async for event in engine.generate(REQUEST) if _is_text(event)]
    return (at[0] - started) * 1000, (at[-1] - at[0]) / (len(at) - 1) * 1000


def _is_text(event: object) -> bool:
    return isinstance(event, TextDelta)


if __name__ == "__main__":
    anyio.run(main)
