"""Clients that send nonsense, as fast as they can, beside one that has a conversation.

How much slower that one is answered is measured by ``bench/malformed.py``.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial

import anyio
import pytest
from websockets.frames import Opcode

from tests.simulation.dice import Dice
from tests.simulation.nonsense import broken_event, broken_text
from tests.support.client import transcript_of
from tests.support.raw_socket import masked, raw_socket
from tests.support.server import Served, running_server

TURNS = 5


def nonsense(seed: int) -> list[str | bytes]:
    dice = Dice(str(seed))
    events = [json.dumps(broken_event(dice, "realtime")) for _ in range(100)]
    return [*events, *(broken_text(dice) for _ in range(20)), b"\x00\xff"]


BOMBS = {
    "brackets": "[" * 1_000_000,
    "objects": '{"type":' * 200_000,
    "a deep event": '{"type": "session.update", "session": ' + '{"a":' * 5_000 + "1" + "}" * 5_002,
    "a number": '{"type": "response.create", "event_id": ' + "9" * 1_000_000 + "}",
    "an exponent": '{"type": "response.create", "response": {"max_output_tokens": 1e999999999}}',
    "surrogates": '{"type": "' + "\\ud800" * 100_000 + '"}',
    "not base64": '{"type": "input_audio_buffer.append", "audio": "' + "=" * 1_000_000 + '"}',
}


async def pour(server: Served, frames: list[str | bytes], *, read: bool) -> None:
    """Send frames over and over; whoever is cut off, since he does not read, comes back."""
    sent = b"".join(
        masked(Opcode.TEXT, frame.encode())
        if isinstance(frame, str)
        else masked(Opcode.BINARY, frame)
        for frame in frames
    )
    while True:
        async with raw_socket(server.url) as raw, anyio.create_task_group() as tasks:
            if read:
                tasks.start_soon(raw.closed)
            with suppress(anyio.BrokenResourceError):
                while True:
                    await raw.send(sent)
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize("read", [True, False])
async def test_nonsense_of_others_is_not_noticed_in_a_conversation(read):
    async with running_server() as server, server.sdk() as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(pour, server, nonsense(1), read=read))
            for turn in range(TURNS):
                answer = await client.ask(f"Number {turn}?")
                assert answer["status"] == "completed"
                assert transcript_of(answer)
            tasks.cancel_scope.cancel()
        assert not client.of("error")


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
async def test_a_frame_that_is_made_to_do_harm_is_refused_and_the_session_goes_on(bomb):
    async with running_server() as server, server.socket() as client:
        await client.until("session.created")
        await client.send_raw(bomb)
        assert (await client.next())["type"] == "error"
        assert (await client.ask("Still there?"))["status"] == "completed"
