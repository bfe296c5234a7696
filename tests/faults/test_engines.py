"""An engine dies, or hangs, in the midst of a conversation: that turn fails, and nothing else."""

from __future__ import annotations

import multiprocessing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import anyio
import pytest

from antiphon.engines.base import EngineSettings
from antiphon.engines.guard import Limits, guarded
from antiphon.engines.hearing import Transcriber
from antiphon.engines.isolated import isolated
from tests.engines import frail
from tests.support.cast import make_cast
from tests.support.client import Client, Frame, transcript_of
from tests.support.server import Server, serving
from tests.support.sound import silence, speech

TURN = speech(700) + silence(1_500)
ENGINE = "ears-to-lose"


@asynccontextmanager
async def server_with_ears(stall_s: float) -> AsyncIterator[Server]:
    """Run a server whose transcriber is a process of its own, which prompts can end."""

    async def load():
        settings = EngineSettings(name=ENGINE)
        return await anyio.to_thread.run_sync(isolated, frail.create, settings, "transcriber")

    ears = guarded(await load(), Limits(stall_s=stall_s, queue_s=60), load)
    engines = replace(make_cast().engines, transcriber=cast("Transcriber", ears))
    try:
        async with serving(engines) as server:
            yield server
    finally:
        await ears.aclose()


async def say(client: Client, prompt: str = "") -> Frame:
    """Say something, and return what it is answered."""
    transcription = {"model": "whisper-1", "prompt": prompt}
    await client.update(audio={"input": {"transcription": transcription}})
    await client.append(TURN)
    return await client.answer()


def children() -> set[multiprocessing.process.BaseProcess]:
    """The processes of the engine. One that hangs takes a while to be ended."""
    return {one for one in multiprocessing.active_children() if one.name == f"antiphon-{ENGINE}"}


@pytest.mark.parametrize("end", [frail.ABORTING, frail.BLOCKING])
async def test_an_engine_that_dies_or_hangs_fails_one_turn(end):
    async with (
        server_with_ears(stall_s=1) as server,
        server.sdk() as unlucky,
        server.sdk() as other,
    ):
        assert (await say(other))["status"] == "completed"
        before = children()
        failed = await say(unlucky, end)
        assert failed["status"] == "failed"
        assert failed["status_details"]["error"]["code"]
        written = await other.ask("Can you still answer?")  # which takes no ears
        assert written["status"] == "completed"
        for client in (unlucky, other):
            assert transcript_of(await say(client))
        assert children() - before


async def test_an_engine_that_is_killed_is_back_for_the_next_turn():
    others = children()
    async with server_with_ears(stall_s=60) as server, server.sdk() as client:
        assert (await say(client))["status"] == "completed"
        (killed,) = children() - others
        killed.kill()
        await anyio.to_thread.run_sync(killed.join)
        await say(client)  # may be the one that finds out
        assert (await say(client))["status"] == "completed"
        assert children() - others
