"""Engines behind a guard: overload, hanging, crashing, and what becomes of requests meanwhile."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator

import anyio
import pytest

from antiphon.core.plan import ChatMessage
from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings, Floats
from antiphon.engines.guard import EngineLoad, Limits, guarded, load_of
from antiphon.engines.hearing import Transcript, TranscriptEvent, TranscriptionRequest
from antiphon.engines.repair import ENGINE_CRASHED
from antiphon.engines.scripted.hearing import (
    ScriptedTranscriber,
    ScriptedTurnPredictor,
    create_transcriber,
    create_turn_predictor,
)
from antiphon.engines.scripted.script import (
    Gate,
    Say,
    Script,
    Take,
    TranscriptionStep,
    WaitFor,
)
from antiphon.engines.scripted.thinking import ScriptedLanguageModel, create_language_model
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    MessageEndPredictor,
    Progress,
)
from antiphon.errors import ConfigurationError, EngineError
from tests.support.virtual_time import step

SPEECH = conformance.noise(16_000)
GREETING = GenerationRequest(messages=(ChatMessage("user", "Hello!"),))


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


class Crashing(ScriptedTranscriber):
    """Raises what no engine may raise."""

    async def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        raise RuntimeError("segmentation fault")
        yield  # a generator


class Hanging(ScriptedTranscriber):
    """Does nothing for anybody, not even when it is closed."""

    def __init__(self) -> None:
        super().__init__(ears().info, Script())

    async def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        await anyio.sleep_forever()
        yield Transcript("")

    async def aclose(self) -> None:
        pass


def ears(*takes: Take[TranscriptionStep], name: str = "ears") -> ScriptedTranscriber:
    script = Script(transcriptions=takes, sentence="I hear.")
    return create_transcriber(EngineSettings(name=name, options={"script": script}))


def waiting_at(gate: Gate) -> Take[TranscriptionStep]:
    return Take(steps=(WaitFor(gate), Say("Now.")))


class Spares:
    """What is loaded in place of an engine that broke, one after the other."""

    def __init__(self, *engines: object) -> None:
        self.left = list(engines)

    async def load(self):
        engine = self.left.pop(0)
        if isinstance(engine, Exception):
            raise engine
        return engine


def guard(engine, spares=(), **limits):
    return guarded(engine, Limits(**limits), Spares(*spares).load)


async def heard_by(engine) -> str:
    events = [event async for event in engine.transcribe(SPEECH, TranscriptionRequest())]
    assert isinstance(events[-1], Transcript)
    return events[-1].text


async def failure_of(engine) -> EngineError:
    with pytest.raises(EngineError) as error:
        await heard_by(engine)
    assert error.value.stage == "transcribe"
    return error.value


# --- overload -------------------------------------------------------------------------------------


async def test_requests_beyond_the_limit_wait_for_their_turn():
    gate = Gate()
    engine = guard(ears(waiting_at(gate)), parallel=1)
    heard: list[str] = []

    async def hear() -> None:
        heard.append(await heard_by(engine))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hear)
        await gate.reached()
        tasks.start_soon(hear)
        await step(20)
        assert heard == []
        gate.open()
    assert heard == ["Now.", "I hear."]


async def test_what_it_has_to_do_is_told():
    gate = Gate()
    engine = guard(ears(waiting_at(gate)), parallel=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(heard_by, engine)
        await gate.reached()
        tasks.start_soon(heard_by, engine)
        await step(20)
        assert load_of(engine) == EngineLoad(
            works=True, running=1, waiting=1, parallel=1, replaced=0
        )
        gate.open()
    assert load_of(engine) == EngineLoad(works=True, running=0, waiting=0, parallel=1, replaced=0)
    assert load_of(ears()) is None
    assert load_of(guard(create_turn_predictor(EngineSettings(name="ends")))) is None


async def test_who_waits_too_long_is_told_of_the_overload():
    gate = Gate()
    engine = guard(ears(waiting_at(gate)), parallel=1, queue_s=3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(heard_by, engine)
        await gate.reached()
        error = await failure_of(engine)
        gate.open()
    assert (error.code, error.retryable) == ("server_overloaded", True)
    assert str(error) == "ears had no room for 3 s: 1 requests are under way"
    assert anyio.current_time() >= 3


async def test_a_request_that_is_given_up_leaves_its_place():
    gate = Gate()
    engine = guard(ears(waiting_at(gate), waiting_at(gate)), parallel=1)
    for _ in range(2):  # while it works, and while it waits for its turn
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(heard_by, engine)
            await gate.reached()
            tasks.start_soon(heard_by, engine)
            await step(20)
            tasks.cancel_scope.cancel()
    gate.open()
    assert await heard_by(engine) == "I hear."


async def test_without_a_limit_all_work_at_once():
    gate = Gate()
    engine = guard(ears(*[waiting_at(gate)] * 9))
    async with anyio.create_task_group() as tasks:
        for _ in range(9):
            tasks.start_soon(heard_by, engine)
        await gate.reached()
        assert await heard_by(engine) == "I hear."
        gate.open()


# --- hanging and crashing -------------------------------------------------------------------------


async def test_an_engine_that_hangs_is_replaced_and_only_that_request_fails(caplog):
    engine = guard(ears(waiting_at(Gate())), [ears()], stall_s=5)
    with caplog.at_level(logging.WARNING):
        error = await failure_of(engine)
        assert (error.code, error.retryable) == ("engine_timeout", True)
        assert str(error) == "nothing came of a request to ears for 5 s"
        assert await heard_by(engine) == "I hear."
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "ears is loaded anew",
        "ears works again",
    ]


async def test_time_between_events_counts_not_their_sum():
    slowly: Take[TranscriptionStep] = Take(
        steps=(Say("One two three four five six.", every_ms=4000),)
    )
    assert await heard_by(guard(ears(slowly), stall_s=5)) == "One two three four five six."


async def test_an_engine_whose_work_goes_on_does_not_hang_and_nobody_is_told():
    class Reading(ScriptedLanguageModel):
        async def generate(
            self, request: GenerationRequest
        ) -> AsyncGenerator[GenerationEvent, None]:
            for _ in range(9):
                await anyio.sleep(4)
                yield Progress()
            yield GenerationEnd("stop", 0)

    model = create_language_model(EngineSettings(name="mind"))
    engine = guard(Reading(model.info, Script()), stall_s=5)
    events = [event async for event in engine.generate(GenerationRequest(messages=()))]
    assert events == [GenerationEnd("stop", 0)]


async def test_a_crash_is_an_error_of_the_request_and_the_engine_is_replaced():
    broken = Crashing(ears().info, Script())
    engine = guard(broken, [ears()])
    error = await failure_of(engine)
    assert error.code == "engine_crashed"
    assert "segmentation fault" in str(error)
    assert await heard_by(engine) == "I hear."


async def test_the_old_engine_is_closed():
    old = ears(waiting_at(Gate()))
    engine = guard(old, [ears()], stall_s=5)
    await failure_of(engine)
    await heard_by(engine)
    assert "closed" in str(await failure_of(old))


async def test_it_is_loaded_again_and_again_until_that_works():
    problem = ConfigurationError("no room")
    engine = guard(Crashing(ears().info, Script()), [problem, problem, problem, ears()], queue_s=30)
    await failure_of(engine)
    began = anyio.current_time()
    assert await heard_by(engine) == "I hear."
    assert anyio.current_time() - began == pytest.approx(1 + 2 + 4, abs=0.1)


async def test_whatever_keeps_it_from_being_loaded_it_is_loaded_again(caplog):
    engine = guard(Crashing(ears().info, Script()), [PermissionError("not yours"), ears()])
    await failure_of(engine)
    assert await heard_by(engine) == "I hear."
    assert "not yours" in caplog.text


async def test_an_engine_that_cannot_be_closed_is_told_of(caplog):
    class Stuck(Crashing):
        async def aclose(self) -> None:
            raise RuntimeError("no way out")

    engine = guard(Stuck(ears().info, Script()), [ears()])
    await failure_of(engine)
    assert await heard_by(engine) == "I hear."
    assert "ears could not be closed" in caplog.text
    assert "no way out" in caplog.text


async def test_while_it_is_loaded_anew_requests_wait_only_so_long():
    engine = guard(Crashing(ears().info, Script()), [ConfigurationError("no room")] * 9, queue_s=2)
    await failure_of(engine)
    error = await failure_of(engine)
    assert error.code == "server_overloaded"
    assert str(error).endswith("it is being loaded anew")
    await engine.aclose()


async def test_requests_that_fail_together_have_it_replaced_once():
    gate = Gate()
    engine = guard(ears(waiting_at(gate), waiting_at(gate)), [ears()], stall_s=5)
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(failure_of, engine)
    assert await heard_by(engine) == "I hear."


async def test_who_waits_for_a_place_is_not_sent_to_an_engine_that_hangs():
    async def load_for_a_second():
        await anyio.sleep(1)
        return ears()

    engine = guarded(Hanging(), Limits(parallel=1, stall_s=5), load_for_a_second)
    began = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(failure_of, engine)
        await step(20)
        assert await heard_by(engine) == "I hear."
    assert anyio.current_time() - began == pytest.approx(6, abs=0.1)


async def test_an_engine_that_hangs_is_blamed_by_its_own_name():
    engine = guard(Hanging(), [ears(name="others")], stall_s=5)
    errors: list[str] = []

    async def fail() -> None:
        errors.append(str(await failure_of(engine)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fail)
        await anyio.sleep(3)
        tasks.start_soon(fail)
    assert errors == ["nothing came of a request to ears for 5 s"] * 2


class CrashingMind(ScriptedLanguageModel):
    """Raises what no engine may raise when it is asked a favour."""

    async def warm(self, request: GenerationRequest) -> None:
        raise RuntimeError("segmentation fault")

    async def predict_message_end(self, request: GenerationRequest) -> float:
        raise RuntimeError("segmentation fault")


class CrashingPredictor(ScriptedTurnPredictor):
    async def predict(self, audio: Floats) -> float:
        raise RuntimeError("segmentation fault")


@pytest.mark.parametrize(
    ("broken", "spare", "favour", "asked", "stage"),
    [
        (CrashingMind, create_language_model, "warm", GREETING, "generate"),
        (CrashingMind, create_language_model, "predict_message_end", GREETING, "generate"),
        (CrashingPredictor, create_turn_predictor, "predict", SPEECH, "detect"),
    ],
)
async def test_a_crash_in_a_favour_is_an_error_of_it_alone(broken, spare, favour, asked, stage):
    good = spare(EngineSettings(name="good"))
    engine = guard(broken(good.info, Script()), [good])
    with pytest.raises(EngineError, match=r"good crashed: .*segmentation fault") as error:
        await getattr(engine, favour)(asked)
    assert (error.value.code, error.value.stage) == (ENGINE_CRASHED, stage)
    await step(5)
    await getattr(engine, favour)(asked)
    await engine.aclose()


async def test_errors_that_engines_may_raise_do_not_have_it_replaced():
    engine = guard(ears(), [])
    await engine.aclose()
    assert "closed" in str(await failure_of(engine))
    assert "closed" in str(await failure_of(engine))


class Dying(ScriptedTranscriber):
    """Loses what is under way when it is closed, as an engine in a process of its own does."""

    def __init__(self) -> None:
        super().__init__(ears().info, Script())
        self.begun = anyio.Event()
        self.ended = anyio.Event()

    async def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        self.begun.set()
        await self.ended.wait()
        raise EngineError("gone", stage="transcribe", code=ENGINE_CRASHED)
        yield  # a generator

    async def aclose(self) -> None:
        self.ended.set()


async def test_what_breaks_because_it_is_closed_is_not_loaded_anew(caplog):
    dying = Dying()
    engine = guard(dying, [ears()])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(failure_of, engine)
        await dying.begun.wait()
        await engine.aclose()
    assert caplog.records == []


async def test_an_engine_that_is_loaded_when_nobody_wants_it_any_more_is_closed():
    loading, late = anyio.Event(), ears()

    async def load():
        await loading.wait()
        return late

    engine = guarded(Crashing(ears().info, Script()), Limits(), load)
    await failure_of(engine)
    await step(5)
    await engine.aclose()
    assert await heard_by(late) == "I hear."
    loading.set()
    await step(5)
    assert "closed" in str(await failure_of(late))


async def test_once_closed_it_is_not_loaded_again():
    spares = Spares(ConfigurationError("no room"), ears())
    engine = guarded(Crashing(ears().info, Script()), Limits(), spares.load)
    await failure_of(engine)
    await step(5)
    await engine.aclose()
    await anyio.sleep(60)
    assert len(spares.left) == 1


# --- as any other engine --------------------------------------------------------------------------


def test_it_can_do_what_the_engine_can():
    model = create_language_model(EngineSettings(name="mind"))
    assert isinstance(guard(model), MessageEndPredictor) is isinstance(model, MessageEndPredictor)
    assert guard(model).info is model.info
    assert guard(model).counter is model.counter
