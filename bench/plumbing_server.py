"""Engines of fixed delay behind the OpenAI API: they compute nothing, only time passes."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import re
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from antiphon.ask import WIRE_RATE_HZ, read_wav
from antiphon.audio.formats import to_int16s
from antiphon.runtime.segment import Segmenter
from bench.pace import Pace

__all__ = ["ANSWER", "FixedEngines", "engines_ms", "fixed_engines"]

RECOGNITION_S = 0.08
FIRST_TOKEN_S = 0.06
TOKENS_HZ = 80
FIRST_AUDIO_S = 0.1
TIMES_REAL_TIME = 10
"""How much faster than it sounds speech is made, from the first audio on."""

CHUNK_S = 0.1
"""Audio that the synthesizer sends at once."""

CHARS_PER_S = 15
"""How fast the voice reads: 180 words a minute."""

ANSWER = "Yes, I can hear you well, and I am glad that you called. What would you like to know?"

_MODEL = "fixed"
_VOICE = "fixed"
_TOKENS = re.findall(r"\s?\w+|[^\w\s]", ANSWER)  # much as tokenizers cut: words, and marks
_SPEECH = Path(__file__).parents[1] / "examples" / "question.wav"
"""What the voice says, whatever it is to say, over and over. Noise would be easier to make, but the
server keeps what was said, and that takes less memory than noise does."""


def engines_ms() -> float:
    """Return how long an answer takes without Antiphon, from the end of a turn to the first audio.

    That is recognition, the first token, the tokens up to the one that completes the first segment
    (cut by Antiphon's own segmenter), and the first audio of it.
    """
    segmenter = Segmenter()
    tokens_before_cut = next(
        number for number, token in enumerate(_TOKENS) if segmenter.push(token)
    )
    seconds = RECOGNITION_S + FIRST_TOKEN_S + tokens_before_cut / TOKENS_HZ + FIRST_AUDIO_S
    return seconds * 1000


class FixedEngines:
    """The engines, at work in a process of their own.

    Args:
        base_url: Where they are.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def config(self) -> str:
        """Return the configuration of an Antiphon that uses them, in TOML."""
        # They stand for machines of their own: guesses take nothing from the processor here.
        engine = f'{{ use = "{self.base_url}#{_MODEL}", options = {{ remote = true }} }}'
        roles = ("transcriber", "language_model", "synthesizer")
        return "\n".join(f"{role} = {engine}" for role in roles)

    def take_lateness_ms(self) -> float:
        """Return the 99th percentile of how late they were, since it was asked last."""
        return float(httpx2.get(f"{self.base_url}/lateness").json())


@contextmanager
def fixed_engines() -> Iterator[FixedEngines]:
    """Run the engines until the block ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        # With the protocol spelled out, or asyncio would not switch Nagle's algorithm off.
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(listener,))
        process.start()
        try:
            yield FixedEngines(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
        finally:
            process.terminate()
            process.join()


def _serve(listener: socket.socket) -> None:
    config = uvicorn.Config(_app(), log_level="warning", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


def _app() -> Starlette:
    pace = Pace()
    chunks = _speech_chunks()

    async def models(_request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": _MODEL, "object": "model"}]})

    async def voices(_request: Request) -> Response:
        return JSONResponse({"voices": [_VOICE]})

    async def lateness(_request: Request) -> Response:
        return JSONResponse(pace.take_lateness_ms())

    async def transcribe(request: Request) -> Response:
        await request.body()
        await pace.until(_now() + RECOGNITION_S)
        return JSONResponse({"text": "Hello, can you hear me?"})

    async def complete(request: Request) -> Response:
        await request.body()
        return StreamingResponse(
            _completion(pace, _now() + FIRST_TOKEN_S), media_type="text/event-stream"
        )

    async def speak(request: Request) -> Response:
        text = (await request.json())["input"]
        due_s = _now() + FIRST_AUDIO_S
        return StreamingResponse(_speech(pace, due_s, text, chunks), media_type="audio/pcm")

    async def gone(_request: Request, _error: Exception) -> Response:
        return Response()  # to nobody: a guess was given up before it was sent

    return Starlette(
        routes=[
            Route("/v1/models", models),
            Route("/v1/audio/voices", voices),
            Route("/v1/lateness", lateness),
            Route("/v1/audio/transcriptions", transcribe, methods=["POST"]),
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/v1/audio/speech", speak, methods=["POST"]),
        ],
        exception_handlers={ClientDisconnect: gone},
    )


async def _completion(pace: Pace, due_s: float) -> AsyncIterator[bytes]:
    for token in _TOKENS:
        await pace.until(due_s)
        yield _event({"content": token}, None)
        due_s += 1 / TOKENS_HZ
    yield _event({}, "stop")
    yield b"data: [DONE]\n\n"


def _event(delta: dict[str, str], finish_reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {
        "id": "chatcmpl-fixed",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": _MODEL,
        "choices": [choice],
    }
    return f"data: {json.dumps(chunk)}\n\n".encode()


async def _speech(
    pace: Pace, due_s: float, text: str, chunks: Sequence[bytes]
) -> AsyncIterator[bytes]:
    for number in range(round(len(text) / CHARS_PER_S / CHUNK_S)):
        await pace.until(due_s)
        yield chunks[number % len(chunks)]
        due_s += CHUNK_S / TIMES_REAL_TIME


def _speech_chunks() -> list[bytes]:
    chunk_samples = round(CHUNK_S * WIRE_RATE_HZ)
    speech = to_int16s(read_wav(_SPEECH))
    whole = len(speech) // chunk_samples * chunk_samples
    return [chunk.tobytes() for chunk in speech[:whole].reshape(-1, chunk_samples)]


def _now() -> float:
    return asyncio.get_running_loop().time()
