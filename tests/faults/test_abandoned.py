"""Clients that go without a word: whatever they held comes back."""

from __future__ import annotations

import asyncio
import gc
import socket
import tracemalloc
from contextlib import ExitStack
from urllib.parse import urlsplit

import anyio
import pytest
from websockets.frames import Opcode

from tests.support.client import PATIENCE_S
from tests.support.open_files import open_files, until_open_files
from tests.support.raw_socket import masked, raw_socket
from tests.support.server import Served, running_server

COUNT = 1000
AT_ONCE = 100
LEFT_BYTES = 512
"""What a connection may leave behind in the mean: less than any object of its own would take."""


async def open_and_abandon(server: Served, count: int) -> None:
    """Make connections that say nothing, and drop them."""
    parts = urlsplit(server.url)
    for _ in range(count // AT_ONCE):
        with ExitStack() as abandoned:
            for _ in range(AT_ONCE):
                one = abandoned.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex((parts.hostname, parts.port))
                await anyio.lowlevel.checkpoint()


async def begin_and_abandon(server: Served, count: int) -> None:
    """Open sessions, and drop their connections."""
    for _ in range(count):
        async with raw_socket(server.url):
            pass
        with anyio.fail_after(PATIENCE_S):
            while server.reception.open_sessions > 1:  # the one that stays
                await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("abandon", "count"), [(open_and_abandon, COUNT), (begin_and_abandon, 200)]
)
async def test_files_and_memory_come_back(abandon, count):
    async with running_server(max_connections=32) as server, server.sdk() as client:
        await abandon(server, 2 * AT_ONCE)  # what is made once is there by now
        await client.ask("Warm?")
        await asyncio.sleep(0)
        gc.collect()
        files = open_files()
        tracemalloc.start()
        await abandon(server, count)
        await until_open_files(files)
        gc.collect()
        grown_bytes, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (await client.ask("Are you still there?"))["status"] == "completed"
        assert grown_bytes < count * LEFT_BYTES
        assert server.reception.open_sessions == 1


@pytest.mark.parametrize("part", [1, 2, 6, 20, -1])
async def test_a_client_that_goes_in_the_midst_of_a_frame_leaves_nothing(part, caplog):
    frame = masked(Opcode.TEXT, b'{"type": "input_audio_buffer.clear"}')
    async with running_server() as server:
        async with raw_socket(server.url) as raw:
            await raw.send(frame[:part])
        await server.wait_until_empty()
        assert server.reception.open_sessions == 0
    assert not caplog.records
