"""The scripted synthesizer: by rule, by script."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings
from antiphon.engines.conformance import events_of
from antiphon.engines.scripted import speaking
from antiphon.engines.scripted.script import (
    Script,
    Sound,
    Take,
)
from antiphon.engines.speaking import SpeechRequest


def settings(**options) -> EngineSettings:
    return EngineSettings(name="scripted", options=options)


class TestSynthesizer(conformance.SynthesizerConformance):
    @classmethod
    def create(cls):
        return speaking.create_synthesizer(settings())


@pytest.mark.parametrize(("speed", "spoken_s"), [(1.0, 0.6), (0.5, 1.2), (1.5, 0.4)])
async def test_speech_is_as_long_as_its_text(speed, spoken_s):
    synthesizer = speaking.create_synthesizer(settings(ms_per_character=60))
    request = SpeechRequest(text="0123456789", voice="alto", speed=speed)
    chunks = await events_of(synthesizer.synthesize(request))
    assert sum(chunk.size for chunk in chunks) == spoken_s * 24_000
    assert all(chunk.size == 2400 for chunk in chunks)


async def test_a_speech_sounds_as_written_without_a_click_between_its_chunks():
    script = Script(speeches=(Take((Sound(250),)),))
    synthesizer = speaking.create_synthesizer(settings(script=script))
    chunks = await events_of(synthesizer.synthesize(SpeechRequest(text="Hi", voice="alto")))
    audio = np.concatenate(chunks)
    assert audio.size == 6000
    assert np.abs(np.diff(audio)).max() < 0.25 * 2 * np.pi * 440 / 24_000 * 1.01
