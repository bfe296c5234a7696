"""The scripted denoiser and turn predictor: by rule, by script."""

from __future__ import annotations

import anyio
import numpy as np
import pytest

from antiphon.engines.base import EngineSettings
from antiphon.engines.conformance_hearing import DenoiserConformance, TurnPredictorConformance
from antiphon.engines.scripted import hearing as scripted_hearing
from antiphon.engines.scripted.hearing import ScriptedTurnPredictor
from antiphon.engines.scripted.script import (
    Fail,
    Gate,
    Judge,
    PredictionStep,
    Script,
    Take,
    Wait,
    WaitFor,
)
from antiphon.errors import EngineError


def settings(**options) -> EngineSettings:
    return EngineSettings(name="scripted", options=options)


def predictor_of(*takes: tuple[PredictionStep, ...]) -> ScriptedTurnPredictor:
    script = Script(predictions=tuple(Take(steps) for steps in takes))
    return scripted_hearing.create_turn_predictor(settings(script=script))


class TestDenoiser(DenoiserConformance):
    @classmethod
    def create(cls):
        return scripted_hearing.create_denoiser(settings())


class TestTurnPredictor(TurnPredictorConformance):
    @classmethod
    def create(cls):
        return scripted_hearing.create_turn_predictor(settings())


def test_quiet_sound_is_silenced_and_background():
    audio = np.repeat(np.array([0.1, 0.015, 0.1], np.float32), 160)
    denoiser = scripted_hearing.create_denoiser(settings())
    stream = denoiser.open("far_field", 1.0)
    assert np.array_equal(stream.push(audio), np.where(audio > 0.02, audio, 0))
    foreground = [stream.in_foreground(at, at + 160) for at in (0, 160, 320)]
    assert foreground == [True, False, True]
    assert list(denoiser.opened) == [("far_field", 1.0)]


def test_strength_scales_what_counts_as_quiet():
    audio = np.full(160, 0.015, np.float32)
    stream = scripted_hearing.create_denoiser(settings()).open("near_field", 0.5)
    assert np.array_equal(stream.push(audio), audio)


async def test_every_pause_ends_the_turn_unless_the_script_says_otherwise():
    predictor = predictor_of((Judge(0.2),), (Wait(0), Judge(0.6)))
    audio = np.zeros(160, np.float32)
    assert [await predictor.predict(audio) for _ in range(3)] == [0.2, 0.6, 1.0]
    assert len(predictor.heard) == 3


async def test_it_fails_when_the_script_says_so():
    predictor = predictor_of((Fail("No idea.", code="lost"),))
    with pytest.raises(EngineError, match="No idea") as caught:
        await predictor.predict(np.zeros(160, np.float32))
    assert (caught.value.stage, caught.value.code) == ("detect", "lost")


async def test_closing_it_ends_a_judgement_under_way():
    gate = Gate()
    predictor = predictor_of((WaitFor(gate), Judge(0.5)))

    async def close_at_the_gate():
        await gate.reached()
        await predictor.aclose()

    async with anyio.create_task_group() as group:
        group.start_soon(close_at_the_gate)
        with pytest.raises(EngineError, match="is closed"):
            await predictor.predict(np.zeros(160, np.float32))
