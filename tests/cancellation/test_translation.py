"""A client of a translation session leaves between any two steps of the event loop."""

from __future__ import annotations

import anyio
import pytest

from antiphon.engines.scripted.script import Say, Script, Sound, Take
from tests.support.memory import open_room
from tests.support.sound import silence, speech
from tests.support.translation import TRANSCRIBED, TranslationMemoryClient

PHRASES = speech(128) + silence(500) + speech(128)

MOST_STEPS = 2_000
"""A scenario that takes more does not end."""


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


def script() -> Script:
    """Two short phrases."""
    return Script(
        answers=(Take((Say("Eins zwei."),)), Take((Say("Drei."),))),
        speeches=tuple(Take((Sound(350),)) for _ in range(2)),
    )


async def test_a_client_may_leave_at_any_moment():
    for moment in range(MOST_STEPS):
        async with open_room(script()) as room:
            tasks_before = len(anyio.get_running_tasks())
            client = TranslationMemoryClient()
            await room.welcome(client, TRANSCRIBED)
            await client.append(PHRASES, chunk_bytes=len(PHRASES))
            await client.send("session.close")
            for _ in range(moment):
                await anyio.lowlevel.checkpoint()
            client.leave()
            await client.over.wait()
            await client.take_what_came()
            await anyio.lowlevel.checkpoint()
            assert room.cast.stage.running == 0
            assert room.reception.open_sessions == 0
            assert len(anyio.get_running_tasks()) == tasks_before
        if client.ledger.closed:
            assert client.ledger.target == "Eins zwei. Drei."
            return
    pytest.fail(f"the scenario is not over after {MOST_STEPS} steps")
