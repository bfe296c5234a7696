"""What the Python clients' programs share. They run in environments of their own: only stdlib."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from array import array
from collections.abc import Awaitable, Callable

__all__ = [
    "PLAYED_MS",
    "QUESTION",
    "RATE_HZ",
    "SILENCE",
    "SPEECH",
    "WEATHER",
    "duration_s",
    "run",
    "tell",
]

RATE_HZ = 24_000
"""Rate of all audio here: PCM, 16 bits, mono."""

QUESTION = "How is the weather in Oslo?"
WEATHER = "Rain, 7 degrees."
"""What the function ``get_weather`` returns."""

PLAYED_MS = 1_000
"""How much of an answer is played before the user interrupts it."""

PATIENCE_S = 45.0
"""Bound on a whole conversation, which takes about five seconds."""


def _tone(duration_ms: int, amplitude: float) -> bytes:
    samples = (
        round(32_767 * amplitude * math.sin(2 * math.pi * 200 * n / RATE_HZ))
        for n in range(duration_ms * RATE_HZ // 1000)
    )
    return array("h", samples).tobytes()


SPEECH = _tone(700, 0.3)
"""What the scripted voice detector takes for speech."""

SILENCE = _tone(800, 0.0)
"""Long enough to end a turn with the default settings."""


def duration_s(pcm: bytes) -> float:
    """Seconds that audio takes to play."""
    return len(pcm) / (2 * RATE_HZ)


def tell(what: str, **details: object) -> None:
    """Tell the test what happened, as a line of JSON."""
    print(json.dumps({"told": what, **details}), flush=True)


def run(converse: Callable[[str], Awaitable[None]]) -> None:
    """Hold a conversation with the server whose ``http://host:port`` is the only argument."""

    async def within_bounds() -> None:
        await asyncio.wait_for(converse(sys.argv[1]), PATIENCE_S)

    asyncio.run(within_bounds())
