"""Engines behind a guard are engines."""

from antiphon.engines import conformance
from antiphon.engines.base import Engine, EngineSettings
from antiphon.engines.conformance import TurnPredictorConformance
from antiphon.engines.guard import Limits, guarded
from antiphon.engines.scripted.hearing import create_transcriber, create_turn_predictor
from antiphon.engines.scripted.speaking import create_synthesizer
from antiphon.engines.scripted.thinking import create_language_model

SETTINGS = EngineSettings(name="guarded")


def guard(engine: Engine) -> Engine:
    async def load_another() -> Engine:
        message = "nothing here breaks"
        raise AssertionError(message)

    return guarded(engine, Limits(parallel=2), load_another)


class TestTranscriber(conformance.TranscriberConformance):
    @classmethod
    def create(cls):
        return guard(create_transcriber(SETTINGS))


class TestLanguageModel(conformance.LanguageModelConformance, conformance.MessageEndConformance):
    @classmethod
    def create(cls):
        return guard(create_language_model(SETTINGS))


class TestTurnPredictor(TurnPredictorConformance):
    @classmethod
    def create(cls):
        return guard(create_turn_predictor(SETTINGS))


class TestSynthesizer(conformance.SynthesizerConformance):
    @classmethod
    def create(cls):
        return guard(create_synthesizer(SETTINGS))
