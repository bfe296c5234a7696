"""Clients that do with a WebSocket what they should not: each is cut off, and nobody else."""

from __future__ import annotations

import asyncio
import json

import anyio
import pytest
from websockets.frames import Opcode

from antiphon.engines.scripted.script import Say, Script, Take
from antiphon.http import keepalive, server
from antiphon.http.keepalive import MAX_FRAGMENTS
from tests.support.open_files import open_files, until_open_files
from tests.support.raw_socket import masked, raw_socket
from tests.support.server import Served, running_server

TALKATIVE = Script(answers=(Take((Say("All work and no play. " * 2000),)),))


SAY_SOMETHING = b"".join(
    masked(Opcode.TEXT, json.dumps(event).encode())
    for event in (
        {
            "type": "conversation.item.create",
            "item": {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Talk."}],
            },
        },
        {"type": "response.create"},
    )
)


@pytest.fixture
def impatient(monkeypatch):
    """A server that pings at once, and soon misses an answer."""
    monkeypatch.setattr(server, "PING_INTERVAL_S", 0.1)
    monkeypatch.setattr(server, "PONG_S", 0.2)
    monkeypatch.setattr(keepalive, "PING_STEP_S", 0.1)


async def converses(running: Served) -> None:
    """Whatever others do, a session answers."""
    async with running.sdk() as client:
        assert (await client.ask("Are you there?"))["status"] == "completed"


@pytest.mark.usefixtures("impatient")
async def test_who_never_ends_a_frame_is_missed_and_cut_off():
    async with running_server() as running, raw_socket(running.url) as raw:
        await raw.send(SAY_SOMETHING[:-1])
        assert b"keepalive ping timeout" in await raw.closed()
        await running.wait_until_empty()


@pytest.mark.usefixtures("impatient")
async def test_who_sends_a_frame_byte_by_byte_is_missed_and_cut_off():
    async with running_server() as running, raw_socket(running.url) as raw:
        frame = masked(Opcode.TEXT, b'{"type": "' + b"x" * 100_000)

        async def trickle() -> None:
            for byte in frame:
                try:
                    await raw.send(bytes([byte]))
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    return
                await asyncio.sleep(0.01)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(trickle)
            assert b"keepalive ping timeout" in await raw.closed()
            tasks.cancel_scope.cancel()
        await running.wait_until_empty()


async def test_a_message_in_countless_empty_frames_is_not_kept():
    async with running_server() as running, raw_socket(running.url) as raw:
        await raw.send(masked(Opcode.TEXT, b"{", fin=False))
        empty = masked(Opcode.CONT, b"", fin=False)
        await raw.send(empty * MAX_FRAGMENTS)
        assert b"in more than 4096 frames" in await raw.closed()
        await running.wait_until_empty()
        await converses(running)


async def test_who_reads_nothing_takes_no_room_for_long(impatient, monkeypatch):
    """Not even what the server's end of the connection would like to say before it goes."""
    monkeypatch.setattr(server, "UNREAD_S", 0.5)
    async with running_server(TALKATIVE) as running:
        before = open_files()
        async with raw_socket(running.url, receive_buffer_bytes=4096) as raw:
            await raw.send(SAY_SOMETHING)
            await running.wait_until_empty()
            await until_open_files(before + 1)  # the client's own end
        await converses(running)
