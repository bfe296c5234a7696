"""The embedded turn predictor."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.engines.conformance import TurnPredictorConformance
from antiphon.engines.detectors import smart_turn
from tests.engines.embedded import settings_of, speech

PAUSE = np.zeros(3200, np.float32)


class TestConformance(TurnPredictorConformance):
    @classmethod
    def create(cls):
        return smart_turn.create(settings_of("turn_predictor"))


@pytest.fixture(scope="module")
async def predictor():
    predictor = smart_turn.create(settings_of("turn_predictor"))
    yield predictor
    await predictor.aclose()


@pytest.mark.parametrize("name", ["respectable", "selfish"])
async def test_a_whole_sentence_is_the_end_of_a_turn(predictor, name):
    assert await predictor.predict(np.concatenate([speech(name), PAUSE])) > 0.9


async def test_a_sentence_that_was_only_begun_is_not(predictor):
    begun = speech("amiable")[:20_000]
    assert await predictor.predict(np.concatenate([begun, PAUSE])) < 0.2


async def test_loudness_does_not_matter(predictor):
    audio = np.concatenate([speech("selfish"), PAUSE])
    loud, soft = [await predictor.predict(gain * audio) for gain in (1.0, 0.1)]
    assert loud == pytest.approx(soft, abs=0.05)


def test_of_long_turns_the_last_eight_seconds_count():
    long = np.concatenate([speech("respectable"), speech("selfish")])
    assert np.array_equal(
        smart_turn.features(long), smart_turn.features(long[-smart_turn.HEARD_SAMPLES :])
    )


def test_short_turns_come_after_silence():
    features = smart_turn.features(speech("amiable"))
    assert features.shape == (1, 80, 800)
    silent_columns = 800 - len(speech("amiable")) // 160
    assert np.ptp(features[0, :, 1 : silent_columns - 2], axis=1).max() < 1e-3
