"""The silence before the first word is not waited for."""

from __future__ import annotations

import numpy as np

from antiphon.engines.voices.lead_in import without_lead_in


def test_a_lead_in_is_cut_to_ten_milliseconds():
    audio = np.r_[np.zeros(1000), np.ones(500)].astype(np.float32)
    assert without_lead_in(audio, 10_000).size == 600


def test_speech_that_begins_at_once_stays_whole():
    assert without_lead_in(np.ones(5, np.float32), 10_000).size == 5


def test_silence_stays_as_it_is():
    assert without_lead_in(np.zeros(5, np.float32), 10_000).size == 5
