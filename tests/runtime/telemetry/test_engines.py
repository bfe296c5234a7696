from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from antiphon.config import Config
from antiphon.engines.base import EngineSettings
from antiphon.engines.conformance import events_of, noise
from antiphon.engines.failover import with_fallbacks
from antiphon.engines.guard import Limits, guarded
from antiphon.engines.hearing import TranscriptionRequest
from antiphon.engines.scripted.hearing import create_transcriber
from antiphon.engines.scripted.script import Fail, Script, Take
from antiphon.errors import EngineError
from antiphon.runtime.models import Models
from antiphon.runtime.telemetry.engines import EngineState, engine_obstacle, engine_reports
from tests.support.cast import make_cast


def ears(name: str, script: Script | None = None):
    return create_transcriber(EngineSettings(name=name, options={"script": script or Script()}))


def models(transcriber) -> Models:
    engines = replace(make_cast().engines, transcriber=transcriber)
    return Models(Config(home=Path("unused")), lambda _: engines)


class Broken:
    """Raises what no engine may raise."""

    def __init__(self) -> None:
        self.info = ears("broken").info

    async def transcribe(self, audio, request):
        raise RuntimeError("segmentation fault")
        yield

    async def aclose(self) -> None:
        pass


async def test_engines_that_stand_in_for_others_are_reported_too():
    async def load():
        raise AssertionError

    first = guarded(ears("first"), Limits(parallel=2), load)
    second = guarded(ears("second"), Limits(), load)
    reports = engine_reports(models(with_fallbacks("transcriber", [first, second])))
    hearing = [one for one in reports if one.role == "transcriber"]
    assert [(one.name, one.state) for one in hearing] == [
        ("first", EngineState.READY),
        ("second", EngineState.READY),
    ]
    assert hearing[0].load is not None
    assert (hearing[0].load.parallel, hearing[0].load.running) == (2, 0)
    assert hearing[0].models == ("antiphon",)


async def test_it_is_reported_how_often_engines_stood_in_for_others():
    fails = Script(transcriptions=(Take((Fail("Not now.", retryable=True),)),))
    first, second = ears("first", fails), ears("second")
    engine = with_fallbacks("transcriber", [first, second])
    served = models(engine)
    for _ in range(3):  # the first one's script has a failure for the first request only
        await events_of(engine.transcribe(noise(16_000), TranscriptionRequest()))  # type: ignore[attr-defined]
    answered = {one.name: one.answered for one in engine_reports(served)}
    assert (answered["first"], answered["second"]) == (2, 1)
    assert {count for name, count in answered.items() if name not in ("first", "second")} == {None}


async def test_a_server_is_not_ready_while_an_engine_is_loaded_anew():
    go_on = anyio.Event()

    async def load():
        await go_on.wait()
        return ears("again")

    engine = guarded(Broken(), Limits(), load)
    served = models(engine)
    assert engine_obstacle(served) is None
    with pytest.raises(EngineError):
        async for _ in engine.transcribe(  # type: ignore[attr-defined]
            noise(16_000), TranscriptionRequest()
        ):
            pass
    obstacle = engine_obstacle(served)
    assert obstacle is not None
    assert obstacle.code == "engine_reloading"
    assert "broken" in obstacle.message
    go_on.set()
    with anyio.fail_after(5):
        while engine_obstacle(served) is not None:
            await anyio.lowlevel.checkpoint()
    (report,) = [one for one in engine_reports(served) if one.role == "transcriber"]
    assert report.load is not None
    assert report.load.replaced == 1
    await engine.aclose()
