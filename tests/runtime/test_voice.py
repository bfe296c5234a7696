from __future__ import annotations

from contextlib import aclosing

import numpy as np
import pytest
from msgspec.structs import replace

from antiphon.engines.base import Floats
from antiphon.engines.scripted.script import Script
from antiphon.runtime.voice import Voice
from tests.support.cast import Cast, make_cast

CHARS_A_SECOND = 20
SCRIPT = Script(ms_per_character=1000 / CHARS_A_SECOND)
TEXT = "x" * CHARS_A_SECOND * 2


async def spoken(voice: Voice, *texts: str) -> Floats:
    chunks: list[Floats] = []
    for text in texts:
        async with aclosing(voice.speak(text)) as speech:
            chunks += [chunk async for chunk in speech]
    return np.concatenate([*chunks, voice.flush()])


def cast_with_speeds(slowest: float, fastest: float) -> Cast:
    cast = make_cast(SCRIPT)
    cast.synthesizer.info = replace(cast.synthesizer.info, speeds=(slowest, fastest))
    return cast


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.0, 1.5, 4.0])
async def test_speech_is_as_fast_as_is_wanted_whatever_the_synthesizer_does(speed):
    cast = cast_with_speeds(0.8, 1.2)
    audio = await spoken(Voice(cast.engines, "alto", speed, 24_000), TEXT)
    assert len(audio) / 24_000 == pytest.approx(2 / speed, rel=0.02)
    assert cast.synthesizer.requests[0].speed == min(max(speed, 0.8), 1.2)


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000])
async def test_texts_are_one_stream_of_any_rate(rate_hz):
    audio = await spoken(Voice(make_cast(SCRIPT).engines, "bass", 1.0, rate_hz), TEXT, TEXT)
    assert len(audio) == 4 * rate_hz


async def test_names_of_others_are_spoken_with_the_synthesizers_own_voice():
    cast = make_cast(SCRIPT)
    await spoken(Voice(cast.engines, "marin", 1.0, 24_000), TEXT)
    assert cast.synthesizer.requests[0].voice == cast.synthesizer.info.voices[0]
