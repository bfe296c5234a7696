"""Something is cancelled wherever anything can be: between any two steps of the event loop.

The engines take no time here, so a scenario is a row of steps of the event loop, the same each
time. Each test runs its scenario again and again, and cancels one step later each time, until the
scenario is over before that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import anyio
import pytest

from antiphon.core.plan import ChatMessage, Plan
from antiphon.core.signals import GenerationFailed, GenerationFinished, Signal
from antiphon.engines.scripted.script import Call, Say, Script, Sound, Take
from antiphon.runtime.respond import Answer
from antiphon.wire.audio_config import PcmFormat
from antiphon.wire.fields import Modality
from tests.cancellation.lifecycle import check_lifecycle
from tests.support.cast import make_cast
from tests.support.client import types
from tests.support.memory import MemoryClient, open_room
from tests.support.sound import silence, speech
from tests.support.virtual_time import step

TURN = speech(128) + silence(160)
"""As short as a turn can be, so that there are not too many steps."""

SHORT_TURNS = {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 64}}}

ENDS = GenerationFinished | GenerationFailed

MOST_STEPS = 2_000
"""A scenario that takes more does not end."""


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


def script() -> Script:
    """An answer that uses every engine: four segments of speech and a function call."""
    return Script(
        answers=(Take((Say("One two. Three. Four five. Six."), Call("look"))),),
        speeches=tuple(Take((Sound(350),)) for _ in range(4)),
    )


def moments() -> Iterator[int]:
    """All steps of a scenario; who iterates stops when it is over before that."""
    yield from range(MOST_STEPS)
    pytest.fail(f"the scenario is not over after {MOST_STEPS} steps")


async def say(client: MemoryClient) -> None:
    """Append a whole turn at once."""
    await client.append(TURN, chunk_bytes=len(TURN))


async def test_a_client_may_cancel_an_answer_at_any_moment():
    for moment in moments():
        async with open_room(script()) as room:
            client = await room.enter()
            await client.write("Look.")
            await client.send("response.create")
            await step(moment)
            await client.send("response.cancel")
            response = await client.answer()
            if response["status"] == "completed":
                error = (await client.until("error"))["error"]
                assert error["code"] == "response_cancel_not_active"
                return
            assert response["status_details"]["reason"] == "client_cancelled"
            await step(5)
            assert room.cast.stage.running == 0
            assert (await client.ask("Still there?"))["status"] == "completed"
            check_lifecycle(client.frames)


async def test_a_user_may_interrupt_an_answer_at_any_moment():
    for moment in moments():
        async with open_room(script()) as room:
            client = await room.enter()
            await client.update(audio=SHORT_TURNS)
            await client.write("Look.")
            await client.send("response.create")
            await step(moment)
            await say(client)
            interrupted = await client.answer()
            answer = await client.answer()
            check_lifecycle(client.frames)
            assert room.cast.stage.running == 0
        assert answer["status"] == "completed"
        if interrupted["status"] == "completed":
            return
        assert interrupted["status_details"]["reason"] == "turn_detected"


async def test_a_client_may_leave_at_any_moment():
    for moment in moments():
        async with open_room(script()) as room:
            tasks_before = len(anyio.get_running_tasks())
            client = await room.enter()
            await client.update(audio=SHORT_TURNS)
            await say(client)
            await step(moment)
            client.leave()
            await client.over.wait()
            await client.take_what_came()
            await step(1)
            assert room.cast.stage.running == 0
            assert room.reception.open_sessions == 0
            assert len(anyio.get_running_tasks()) == tasks_before
        if "response.done" in types(client.frames):
            return


async def test_a_connection_may_be_torn_down_at_any_moment():
    for moment in moments():
        async with open_room(script()) as room:
            tasks_before = len(anyio.get_running_tasks())
            client = MemoryClient()
            await client.send("session.update", session={"type": "realtime", "audio": SHORT_TURNS})
            await say(client)
            serving = asyncio.create_task(room.serve(client))
            await step(moment)
            serving.cancel()
            await asyncio.wait([serving])
            await client.take_what_came()
            assert serving.cancelled()
            assert room.cast.stage.running == 0
            assert room.reception.open_sessions == 0
            assert len(anyio.get_running_tasks()) == tasks_before
        if "response.done" in types(client.frames):
            return


@pytest.mark.parametrize("modality", ["audio", "text"])
async def test_an_answer_that_is_cancelled_ends_at_most_once(modality: Modality):
    plan = Plan(
        response_id="resp_1",
        model="antiphon",
        modality=modality,
        instructions="",
        messages=(ChatMessage("user", "Look."),),
        voice="alto",
        speed=1.0,
        output_format=PcmFormat(),
    )

    async def has_room() -> None:
        await anyio.lowlevel.checkpoint()

    for moment in moments():
        cast = make_cast(script())
        signals: list[Signal] = []
        answer = Answer(
            plan=plan,
            conversation="sess_1",
            engines=cast.engines,
            feed=signals.append,
            room=has_room,
            mark=lambda _moment: None,
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer.work_out)
            await step(moment)
            tasks.cancel_scope.cancel()
            ended_before = any(isinstance(one, ENDS) for one in signals)
        assert cast.stage.running == 0
        ends = [one for one in signals if isinstance(one, ENDS)]
        assert ends in ([], [signals[-1]])  # the step that was under way may have been the last
        if ended_before:
            return
