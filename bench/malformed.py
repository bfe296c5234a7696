"""Does a conversation notice when somebody else sends nonsense, 200 frames a second?

    python -m bench.malformed --seconds 60 --rate-hz 200

Engines are scripted, so that what is measured is Antiphon. One client asks in writing, over and
over, and waits for the first sound of each answer. Every other few seconds another one sends frames
that are refused. The two kinds of seconds are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from itertools import cycle

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from bench.common import load_average, print_table, running_server

_SCRIPTED = "scripted"
_FLAGS = tuple(
    f"--{role}={_SCRIPTED}"
    for role in ("transcriber", "language-model", "synthesizer", "voice-detector")
)

_STRETCH_S = 5.0
"""How long it goes on with, and how long without: short, so that both meet the same machine."""

_PAUSE_S = 0.02
"""Between two questions."""

_NONSENSE = (
    "",
    "{",
    "[" * 1_000,
    '{"type": "no.such.event"}',
    '{"type": "session.update"}',
    '{"type": "session.update", "session": {"type": "realtime", "tools": 5}}',
    '{"type": "input_audio_buffer.append", "audio": "no base64"}',
    '{"type": "conversation.item.create", "item": {"type": "no such item"}}',
    '{"type": "conversation.item.truncate", "item_id": "x", "audio_end_ms": -1}',
    '{"type": "response.create", "response": {"max_output_tokens": 0}}',
)

_QUESTION = json.dumps(
    {
        "type": "response.create",
        "response": {
            "conversation": "none",
            "input": [
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Are you there?"}],
                }
            ],
        },
    }
)


def main() -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=60, help="with nonsense, and as many without"
    )
    parser.add_argument("--rate-hz", type=float, default=200)
    chosen = parser.parse_args()
    with running_server(*_FLAGS) as server:
        url = f"ws{server.base_url.removeprefix('http')}/realtime"
        without, beside, refused = asyncio.run(_measure(url, chosen.seconds, chosen.rate_hz))
    rows = [
        [name, len(waits_ms), *(f"{np.percentile(waits_ms, p):.1f}" for p in (50, 95, 99))]
        for name, waits_ms in (("alone", without), ("beside nonsense", beside))
    ]
    ratios = [f"{np.percentile(beside, p) / np.percentile(without, p):.2f}" for p in (50, 95, 99)]
    print_table(["", "answers", "p50 ms", "p95 ms", "p99 ms"], [*rows, ["ratio", "", *ratios]])
    print(f"{refused} frames were refused; {load_average()}")


async def _measure(
    url: str, seconds: float, rate_hz: float
) -> tuple[list[float], list[float], int]:
    """Return what the answers took in milliseconds, without and with, and the frames refused."""
    waits_ms: dict[bool, list[float]] = {False: [], True: []}
    flowing = asyncio.Event()
    async with connect(url, compression=None) as talker, connect(url, compression=None) as other:
        refusals = asyncio.create_task(_count_refusals(other))
        pouring = asyncio.create_task(_pour(other, flowing, rate_hz))
        end_s = time.monotonic() + 2 * seconds
        begun_s = time.monotonic()
        while (now_s := time.monotonic()) < end_s:
            is_beside = int((now_s - begun_s) / _STRETCH_S) % 2 == 1
            (flowing.set if is_beside else flowing.clear)()
            waits_ms[is_beside].append(await _ask(talker))
            await asyncio.sleep(_PAUSE_S)
        pouring.cancel()
        await other.close()
        return waits_ms[False], waits_ms[True], await refusals


async def _ask(client: ClientConnection) -> float:
    """Ask, and return how long the first sound took, in milliseconds."""
    asked_s = time.monotonic()
    await client.send(_QUESTION)
    heard_ms = 0.0
    async for frame in client:
        kind = json.loads(frame)["type"]
        if kind == "response.output_audio.delta" and not heard_ms:
            heard_ms = (time.monotonic() - asked_s) * 1000
        if kind == "response.done":
            break
    assert heard_ms, "the answer was not spoken"
    return heard_ms


async def _pour(client: ClientConnection, flowing: asyncio.Event, rate_hz: float) -> None:
    due_s = time.monotonic()
    for frame in cycle(_NONSENSE):
        if not flowing.is_set():
            await flowing.wait()
            due_s = time.monotonic()
        await client.send(frame)
        due_s += 1 / rate_hz
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))


async def _count_refusals(client: ClientConnection) -> int:
    return sum([json.loads(frame)["type"] == "error" async for frame in client])


if __name__ == "__main__":
    main()
