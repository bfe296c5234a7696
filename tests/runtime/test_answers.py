"""Answers that are needed, and those that may be: what is told of them, and what still computes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import TaskGroup
from msgspec.structs import replace

from antiphon.core.plan import ChatMessage, Plan
from antiphon.core.signals import (
    AudioGenerated,
    GenerationFailed,
    GenerationFinished,
    PromptMeasured,
    Signal,
    TextGenerated,
    ToolCallGenerated,
)
from antiphon.engines.scripted.script import (
    AnswerStep,
    Call,
    Fail,
    Gate,
    Say,
    Script,
    Sound,
    Take,
    Wait,
    WaitFor,
)
from antiphon.observe import TimelineLog
from antiphon.runtime.answers import Answers
from antiphon.runtime.held import HELD_BYTES
from antiphon.runtime.respond import no_recording
from antiphon.runtime.spare import Spare
from antiphon.runtime.timing import TurnTiming
from antiphon.wire.audio_config import PcmFormat
from tests.support.cast import make_cast
from tests.support.virtual_time import step

PLAN = Plan(
    response_id="resp_1",
    model="antiphon",
    modality="text",
    instructions="",
    messages=(ChatMessage("user", "Hello?"),),
    voice="alto",
    speed=1.0,
    output_format=PcmFormat(),
)
SPOKEN = replace(PLAN, modality="audio")
SLOW = Script(answers=tuple(Take((Say("One two.", every_ms=1000),)) for _ in range(3)))
WHOLE = [
    PromptMeasured("resp_1", 1, 0),
    TextGenerated("resp_1", "One", 1),
    TextGenerated("resp_1", " two.", 1),
    GenerationFinished("resp_1", "stop", 2),
]


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


class Bench:
    """The answers of one session, and what it is told of them."""

    def __init__(self, script: Script, seats: int, tasks: TaskGroup) -> None:
        self.cast = make_cast(script)
        self.spare = Spare(seats)
        self.told: list[Signal] = []
        self.timelines = TimelineLog()
        self.timing = TurnTiming(self.timelines)
        self.client_keeps_up = anyio.Event()
        self.client_keeps_up.set()
        self.answers = Answers(
            conversation="sess_1",
            engines=self.cast.engines,
            spare=self.spare,
            tasks=tasks,
            feed=self.told.append,
            room=self.room,
            timing=self.timing,
            recording=no_recording,
        )

    async def room(self, _response_id: str) -> None:
        await self.client_keeps_up.wait()

    def release(self) -> None:
        """Do what the end of a turn brings about."""
        self.timing.create("resp_1", anyio.current_time())
        self.answers.release("resp_1")
        self.answers.deliver()

    def moments(self) -> list[str]:
        timeline = self.timelines.find("resp_1")
        assert timeline is not None
        return list(timeline.as_ms())

    @property
    def running(self) -> int:
        """How many performances have neither ended nor been stopped."""
        return self.cast.stage.running

    @property
    def spoken_bytes(self) -> int:
        """How much speech was told of."""
        return sum(len(one.pcm) for one in self.told if isinstance(one, AudioGenerated))


@asynccontextmanager
async def bench(script: Script = SLOW, *, seats: int = 1) -> AsyncIterator[Bench]:
    async with anyio.create_task_group() as tasks:
        yield Bench(script, seats, tasks)


async def test_an_answer_that_is_needed_is_told_as_it_comes():
    async with bench() as one:
        one.answers.start(PLAN)
        await anyio.sleep(1.5)
        assert one.told == WHOLE[:2]
    assert one.told == WHOLE


async def test_its_format_is_known_from_the_beginning():
    async with bench() as one:
        one.answers.guess(PLAN)
        assert one.answers.format_of("resp_1") == PcmFormat()


async def test_a_guess_is_told_to_nobody_until_it_is_released():
    async with bench() as one:
        one.answers.guess(PLAN)
        await anyio.sleep(10)
        assert one.told == []
        one.release()
        assert one.told == WHOLE
    assert one.cast.stage.begun == 1


async def test_what_was_worked_out_goes_out_after_what_led_to_its_release():
    async with bench() as one:
        one.answers.guess(PLAN)
        await anyio.sleep(10)
        one.answers.release("resp_1")
        await anyio.sleep(1)
        assert one.told == []
        one.answers.deliver()
        assert one.told == WHOLE


async def test_a_guess_that_is_released_half_done_goes_on():
    async with bench() as one:
        one.answers.guess(PLAN)
        await anyio.sleep(1.5)
        one.release()
        assert one.told == WHOLE[:2]
    assert one.told == WHOLE
    assert one.cast.stage.begun == 1


async def test_a_guess_that_is_dropped_stops_at_once():
    async with bench() as one:
        one.answers.guess(PLAN)
        await anyio.sleep(1.5)
        assert one.running == 1
        one.answers.drop("resp_1")
        await step(5)
        assert one.running == 0
    assert one.told == []


async def test_a_dropped_guess_does_not_get_into_the_answer_of_the_same_id():
    script = Script(answers=(Take((Call("erase", "{}", every_ms=1000),)),), token_ms=100)
    async with bench(script) as one:
        one.answers.guess(PLAN)
        await anyio.sleep(1.5)
        one.answers.drop("resp_1")
        one.answers.start(PLAN)
    assert not any(isinstance(signal, ToolCallGenerated) for signal in one.told)
    assert isinstance(one.told[-1], GenerationFinished)


async def test_a_guess_that_finds_no_room_is_not_begun_before_it_is_wanted():
    async with bench() as one:
        with one.spare.seat(anyio.CancelScope(), needed=True):
            one.answers.guess(PLAN)
            await anyio.sleep(10)
            assert one.cast.stage.begun == 0
            one.release()
            await anyio.sleep(10)
    assert one.told == WHOLE


async def test_no_guess_is_begun_on_a_machine_that_has_nothing_to_spare():
    async with bench(seats=0) as one:
        one.answers.guess(PLAN)
        await anyio.sleep(10)
        assert one.cast.stage.begun == 0
        one.release()
    assert one.told == WHOLE


async def test_a_guess_that_gave_way_is_worked_out_again():
    async with bench() as one:
        one.answers.guess(PLAN)
        await anyio.sleep(1.5)
        with one.spare.seat(anyio.CancelScope(), needed=True):
            await step(5)
            assert one.running == 0
        one.release()
        assert one.told == []
    assert one.told == WHOLE


async def test_a_guess_that_is_wanted_does_not_give_way_any_more():
    async with bench() as one:
        one.answers.guess(PLAN)
        await anyio.sleep(1.5)
        one.release()
        with one.spare.seat(anyio.CancelScope(), needed=True):
            await anyio.sleep(10)
    assert one.told == WHOLE
    assert one.cast.stage.begun == 1


async def test_a_guess_that_failed_is_tried_once_more():
    script = Script(answers=(Take((Fail("It broke."),)), Take((Say("Hello."),))))
    async with bench(script) as one:
        one.answers.guess(PLAN)
        await anyio.sleep(1)
        one.release()
    assert not any(isinstance(signal, GenerationFailed) for signal in one.told)
    assert isinstance(one.told[-1], GenerationFinished)


async def test_an_answer_that_fails_after_its_release_has_failed():
    script = Script(answers=(Take((Wait(1000), Fail("It broke."))),))
    async with bench(script) as one:
        one.answers.guess(PLAN)
        await anyio.sleep(0.5)
        one.release()
    assert isinstance(one.told[-1], GenerationFailed)


async def test_a_released_answer_can_be_stopped():
    async with bench() as one:
        one.answers.guess(PLAN)
        await anyio.sleep(1.5)
        one.release()
        one.answers.stop("resp_1")
        one.answers.end("resp_1")
        await step(5)
        assert one.running == 0
    assert one.told == WHOLE[:2]


async def test_nothing_is_told_of_a_response_that_ended_with_its_release():
    async with bench() as one:
        one.answers.guess(PLAN)
        await anyio.sleep(10)
        one.answers.release("resp_1")
        one.answers.end("resp_1")
        one.answers.deliver()
    assert one.told == []


async def test_the_end_of_a_session_stops_guesses_and_answers():
    endless: Take[AnswerStep] = Take((WaitFor(Gate()),))
    async with bench(Script(answers=(endless, endless)), seats=2) as one:
        one.answers.start(PLAN)
        one.answers.guess(replace(PLAN, response_id="resp_2"))
        await anyio.sleep(1)
        assert one.running == 2
        one.answers.stop_all()
        await step(5)
        assert one.running == 0


# --- how much is held -----------------------------------------------------------------------------


async def test_a_long_guess_waits_until_it_is_wanted():
    async with bench(Script(speeches=(Take((Sound(60_000),)),))) as one:
        one.answers.guess(SPOKEN)
        await anyio.sleep(1000)
        assert one.running == 1  # the voice: all the words are there
        one.answers.release("resp_1")
        one.answers.deliver()
        assert HELD_BYTES <= one.spoken_bytes < HELD_BYTES + 4_800
    assert one.spoken_bytes == 60_000 * 48


async def test_once_released_the_client_sets_the_pace():
    async with bench(Script(speeches=(Take((Sound(60_000),)),))) as one:
        one.client_keeps_up = anyio.Event()
        one.answers.guess(SPOKEN)
        await anyio.sleep(1000)
        one.answers.release("resp_1")
        one.answers.deliver()
        await anyio.sleep(1000)
        assert one.spoken_bytes < HELD_BYTES + 4_800
        one.client_keeps_up.set()
    assert one.spoken_bytes == 60_000 * 48


# --- where the time went --------------------------------------------------------------------------


async def test_the_timeline_of_a_guess_that_was_used():
    async with bench() as one:
        one.answers.guess(PLAN)
        await anyio.sleep(10)
        one.release()
    assert one.moments() == ["guessed", "started", "prompt_read", "first_token", "created"]


async def test_the_timeline_of_a_guess_that_was_not_used():
    async with bench() as one:
        one.answers.guess(PLAN)
        await anyio.sleep(10)
        one.timing.create("resp_1", anyio.current_time())
        one.answers.drop("resp_1")
        one.answers.start(PLAN)
    assert one.moments() == [
        "guessed",
        "created",
        "guess_dropped",
        "started",
        "prompt_read",
        "first_token",
    ]
