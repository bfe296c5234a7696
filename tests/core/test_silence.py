"""When a silence has lasted too long; what begins and ends one is in ``tests/conformance``."""

import pytest

from antiphon.core.silence import Silence
from antiphon.wire.audio_config import SemanticVad, ServerVad, TurnDetection

SOON = ServerVad(idle_timeout_ms=5_000)
LATER = ServerVad(idle_timeout_ms=6_500)


def test_it_counts_from_the_last_end_of_an_answer_by_the_settings_as_they_stand() -> None:
    silence = Silence()
    silence.begin(10.0)
    silence.begin(12.0)
    assert (silence.due(SOON), silence.due(LATER)) == (17.0, 18.5)


def test_before_an_answer_and_while_somebody_speaks_there_is_none() -> None:
    silence = Silence()
    assert silence.due(SOON) is None
    silence.begin(10.0)
    silence.end()
    assert silence.due(SOON) is None


@pytest.mark.parametrize("turn_detection", [None, ServerVad(), SemanticVad()])
def test_without_a_timeout_it_lasts_for_ever(turn_detection: TurnDetection | None) -> None:
    silence = Silence()
    silence.begin(10.0)
    assert silence.due(turn_detection) is None
