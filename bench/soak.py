"""Does a server's memory stay flat, over sockets, for as long as one likes to wait?

Short sessions: each connects, asks something in writing, hears the answer and goes; every fifth
vanishes in the midst of it, and comes back to its session every tenth time. A long session: the
same question again and again, with the items deleted after each, beside them. The engines are
scripted, so that what is measured is Antiphon. What counts is the slope: the resident memory after
the last part of the sessions, less that after the first third, which fills caches and the
allocator's pools::

    python -m bench.soak
    python -m bench.soak --sessions 100000
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import click
from websockets.asyncio.client import ClientConnection, connect

from bench.common import RunningServer, load_average, print_table, running_server

PARTS = 6
"""How often the memory is looked at."""

AT_ONCE = 8

_FLAGS = (
    *("--transcriber", "scripted"),
    *("--language-model", "scripted"),
    *("--synthesizer", "scripted"),
    *("--voice-detector", "scripted"),
)
_WORDS = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "Hello there, how are you?"}],
}


@click.command()
@click.option("--sessions", default=10_000, show_default=True, help="How many short ones.")
def main(*, sessions: int) -> None:
    """Say how a server's memory grows."""
    with TemporaryDirectory() as folder:
        config = f"{folder}/antiphon.toml"
        with open(config, "w") as file:  # noqa: PTH123 (a line of text)
            file.write(f'[store]\nurl = "sqlite:///{folder}/antiphon.db"\n')
        with running_server("--config", config, *_FLAGS) as server:
            rows = asyncio.run(_soak(server, sessions))
    print(f"{load_average()} at the end; {sessions} short sessions, {AT_ONCE} at once\n")
    print_table(("sessions", "turns of the long one", "MiB"), rows)
    early, late = rows[PARTS // 3 - 1], rows[-1]
    grown = (late.mebibytes - early.mebibytes) * 1024 / (late.sessions - early.sessions)
    print(f"\n{grown:.3f} KiB a session, from session {early.sessions} on")


class _Row(NamedTuple):
    sessions: int
    turns: int
    mebibytes: float


async def _soak(server: RunningServer, sessions: int) -> list[_Row]:
    rows: list[_Row] = []
    long = _LongSession(server)
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(long.talk())
        for part in range(PARTS):
            numbers = iter(range(part * sessions // PARTS, (part + 1) * sessions // PARTS))
            await asyncio.gather(*(_visit_all(server, numbers) for _ in range(AT_ONCE)))
            mebibytes = round(server.resident_bytes() / (1 << 20), 1)
            rows.append(_Row((part + 1) * sessions // PARTS, long.turns, mebibytes))
        talking.cancel()
    return rows


async def _visit_all(server: RunningServer, numbers: Iterator[int]) -> None:
    for number in numbers:
        await _visit(server, number)


async def _visit(server: RunningServer, number: int) -> None:
    """Hold a short session."""
    async with _connected(server, "&resume=1" if number % 10 == 0 else "") as socket:
        created = await _until(socket, "session.created")
        await _ask(socket)
        if number % 5:
            await _until(socket, "response.done")
            return
        last = await _until(socket, "response.created")
        socket.transport.abort()
    if number % 10 == 0:
        query = (
            f"&resume={created['session']['id']}&last_event_id={last['event_id']}"
            f"&resume_token={created['antiphon']['resume_token']}"
        )
        async with _connected(server, query) as socket:
            await _until(socket, "response.done")


class _LongSession:
    """One session beside all others.

    Attributes:
        turns: How many questions have been answered.
    """

    def __init__(self, server: RunningServer) -> None:
        self.turns = 0
        self._server = server

    async def talk(self) -> None:
        """Ask and forget until cancelled."""
        async with _connected(self._server) as socket:
            while True:
                await _ask(socket)
                asked = await _until(socket, "conversation.item.added")
                done = await _until(socket, "response.done")
                for item in (asked["item"], *done["response"]["output"]):
                    deletion = {"type": "conversation.item.delete", "item_id": item["id"]}
                    await socket.send(json.dumps(deletion))
                    await _until(socket, "conversation.item.deleted")
                self.turns += 1


def _connected(server: RunningServer, query: str = "") -> connect:
    url = server.base_url.replace("http://", "ws://")
    return connect(f"{url}/realtime?model=antiphon{query}", compression=None)


async def _ask(socket: ClientConnection) -> None:
    await socket.send(json.dumps({"type": "conversation.item.create", "item": _WORDS}))
    await socket.send(json.dumps({"type": "response.create"}))


async def _until(socket: ClientConnection, event_type: str) -> dict[str, Any]:
    async for frame in socket:
        event: dict[str, Any] = json.loads(frame)
        if event["type"] == event_type:
            return event
    message = f"the server closed the connection before any {event_type}"
    raise RuntimeError(message)


if __name__ == "__main__":
    main()
