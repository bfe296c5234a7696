"""Memory stays flat over many sessions, and over one that is long.

What is counted is Python's blocks of memory: every object takes at least one, so a leak of one
object for each session or turn is seen. The whole runtime runs, with all observers and a store in a
file; nothing waits for anything, so that hours pass in a minute. ``bench/soak.py`` watches a real
server over sockets for longer.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import msgspec
import pytest

from antiphon.observe import KEPT_TIMELINES
from antiphon.runtime.openings import Opening
from antiphon.store.choices import StoreChoice
from antiphon.transports import resumable
from antiphon.transports.connection import Connection
from tests.support.memory import MemoryClient, Room, open_room
from tests.support.sound import as_base64, silence, speech

SESSIONS = 10_000
AT_ONCE = 10
TURNS = 8 * 60 * 60 // 10
"""Of eight hours of conversation, at six a minute."""

WARM = KEPT_TIMELINES + 50
"""So many fill what is bounded, the latest timelines last, and are not counted."""

LEAK = 0.5
"""Blocks for each session or turn above which there is a leak; chance stays below 0.3, most of
it the 200 cursors that a connection of ``sqlite3`` remembers before it looks which are gone."""

TURN = speech(400) + silence(700)
WORDS = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "Hello there."}],
}


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@asynccontextmanager
async def room_with_store() -> AsyncIterator[Room]:
    with TemporaryDirectory() as home:
        async with open_room(home=Path(home), store=StoreChoice(), speculation="off") as room:
            yield room


class BareClient(MemoryClient):
    """Keeps nothing of what it reads."""

    async def until_any(self, event_type: str) -> str:
        """Wait for an event of a type, and return its frame."""
        begin = f'{{"type":"{event_type}"'
        while not (frame := await self.receive()).startswith(begin):
            pass
        return frame


async def growth(room: Room, numbers: range, do: Callable[[int], Awaitable[None]]) -> float:
    """Do something again and again; return the blocks of memory that each number leaves behind."""
    warm = WARM // numbers.step
    for number in numbers[:warm]:
        await do(number)
    before = await blocks(room)
    for number in numbers[warm:]:
        await do(number)
    return (await blocks(room) - before) / (numbers.stop - WARM)


async def blocks(room: Room) -> int:
    assert room.reception.store is not None
    await room.reception.store.flush()
    gc.collect()
    return sys.getallocatedblocks()


async def visits(room: Room, first: int) -> None:
    """Hold as many sessions at once."""
    async with anyio.create_task_group() as tasks:
        for number in range(AT_ONCE):
            tasks.start_soon(visit, room, first + number)


async def visit(room: Room, number: int) -> None:
    """Open a session, ask something, and leave; in one of several ways."""
    client, kind = BareClient(), number % 10
    opening = Opening(model="antiphon", kind="transcription" if kind == 3 else "realtime")
    async with anyio.create_task_group() as tasks:
        if kind == 5:
            tasks.start_soon(serve_resumable, room, client, opening)
        else:
            tasks.start_soon(room.serve, client, opening)
        await client.until_any("session.created")
        if kind == 3:
            await client.send("input_audio_buffer.append", audio=as_base64(TURN))
            await client.until_any("conversation.item.input_audio_transcription.completed")
        elif kind == 7:
            await client.send("response.create")
            await client.until_any("response.created")  # and is gone in the midst of it
        else:
            modality = "audio" if number % 50 == 0 else "text"
            await client.send("conversation.item.create", item=WORDS)
            await client.send("response.create", response={"output_modalities": [modality]})
            await client.until_any("response.done")
        client.close(1000)


async def serve_resumable(room: Room, client: MemoryClient, opening: Opening) -> None:
    await resumable.serve(
        Connection({"type": "websocket"}, client.asgi_receive, client.asgi_send),
        reception=room.reception,
        opening=opening,
    )


async def test_short_sessions_leave_nothing_behind():
    async with room_with_store() as room:
        assert await growth(room, range(0, SESSIONS, AT_ONCE), partial(visits, room)) < LEAK
        assert room.reception.open_sessions == len(room.reception.live) == 0


async def test_a_long_session_grows_by_its_conversation_only():
    async with room_with_store() as room, anyio.create_task_group() as tasks:
        client = BareClient()
        tasks.start_soon(room.serve, client)
        await client.until_any("session.created")

        async def turn(number: int) -> None:
            if number % 3:
                await client.send("conversation.item.create", item=WORDS)
                added = await client.until_any("conversation.item.added")
                said: str = msgspec.json.decode(added)["item"]["id"]
                await client.send("response.create")
            else:
                await client.send("input_audio_buffer.append", audio=as_base64(TURN))
                committed = await client.until_any("input_audio_buffer.committed")
                said = msgspec.json.decode(committed)["item_id"]
            answered = output_of(await client.until_any("response.done"))
            for item_id in (said, answered):
                await client.send("conversation.item.delete", item_id=item_id)
                await client.until_any("conversation.item.deleted")

        assert await growth(room, range(TURNS), turn) < LEAK
        client.leave()


def output_of(frame: str) -> str:
    response = msgspec.json.decode(frame)["response"]
    item_id: str = response["output"][0]["id"]
    return item_id
