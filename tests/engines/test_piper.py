"""The embedded synthesizer."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

import numpy as np
import pytest
import soxr

from antiphon.audio.stretch import TimeStretch
from antiphon.engines import conformance, moonshine, piper
from antiphon.engines.base import EngineSettings
from antiphon.engines.hearing import TranscriptionRequest
from antiphon.engines.speaking import SpeechRequest
from antiphon.errors import EngineError
from tests.engines.embedded import settings_of


class TestConformance(conformance.SynthesizerConformance):
    @classmethod
    def create(cls):
        return piper.create(settings_of("synthesizer"))


@pytest.fixture(scope="module")
async def synthesizer():
    synthesizer = piper.create(settings_of("synthesizer"))
    yield synthesizer
    await synthesizer.aclose()


async def spoken(synthesizer, text, **fields) -> list[np.ndarray]:
    request = SpeechRequest(text=text, voice="joe", **fields)
    return [chunk async for chunk in synthesizer.synthesize(request)]


async def test_it_can_be_understood(synthesizer):
    audio = np.concatenate(await spoken(synthesizer, "The capital of Italy is Rome."))
    heard = soxr.resample(audio, synthesizer.info.rate_hz, 16_000)
    transcriber = moonshine.create(settings_of("transcriber"))
    *_, transcript = [e async for e in transcriber.transcribe(heard, TranscriptionRequest())]
    await transcriber.aclose()
    assert transcript.text == "The capital of Italy is Rome."


async def test_each_sentence_is_a_chunk(synthesizer):
    assert len(await spoken(synthesizer, "One moment, please. I will look it up. Done!")) == 3


async def test_it_begins_to_sound_at_once(synthesizer):
    first, *_ = await spoken(synthesizer, "The capital of Italy is Rome.")
    audible = np.flatnonzero(np.abs(first) > piper.AUDIBLE)
    assert audible[0] <= 0.012 * synthesizer.info.rate_hz


async def test_text_without_words_is_silent(synthesizer):
    assert await spoken(synthesizer, " ") == []


async def test_the_names_of_its_voices_are_told_when_one_is_unknown(synthesizer):
    with pytest.raises(EngineError, match=r"no voice 'alloy'; its voices are joe") as caught:
        await anext(synthesizer.synthesize(SpeechRequest(text="Hello.", voice="alloy")))
    assert caught.value.code == "voice_not_found"


def test_a_lead_in_is_cut_to_ten_milliseconds():
    audio = np.r_[np.zeros(1000), np.ones(500)].astype(np.float32)
    assert piper.without_lead_in(audio, 10_000).size == 600
    assert piper.without_lead_in(np.ones(5, np.float32), 10_000).size == 5
    assert piper.without_lead_in(np.zeros(5, np.float32), 10_000).size == 5


def test_a_config_that_describes_no_voice_is_refused(tmp_path):
    settings = settings_of("synthesizer")
    config = tmp_path / "voice.json"
    config.write_text("{}")
    with pytest.raises(EngineError, match=r"voice\.json does not describe a Piper voice"):
        piper.create(EngineSettings(name="x", files={**settings.files, "config": config}))


# --- speed ----------------------------------------------------------------------------------------

SENTENCE = "I would like a table for two people at eight o'clock."


@pytest.fixture(scope="module")
async def natural(synthesizer):
    return np.concatenate(await spoken(synthesizer, SENTENCE))


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def pitch_hz(audio: np.ndarray, rate_hz: int) -> float:
    """Median fundamental frequency of the voiced frames, by autocorrelation from 70 to 250 Hz."""
    frame, hop = rate_hz // 25, rate_hz // 100
    shortest, longest = rate_hz // 250, rate_hz // 70
    found = []
    for start in range(0, audio.size - frame, hop):
        part = audio[start : start + frame] - audio[start : start + frame].mean()
        correlation = np.correlate(part, part, "full")[frame - 1 :]
        period = shortest + int(correlation[shortest:longest].argmax())
        if part.std() > 0.03 and correlation[period] > 0.6 * correlation[0]:
            found.append(rate_hz / period)
    return float(np.median(found))


async def at_speed(synthesizer, speed) -> np.ndarray:
    """The sentence as the server speaks it at any speed: stretched where the voice is not fit."""
    slowest, fastest = synthesizer.info.speeds
    own = min(max(speed, slowest), fastest)
    stretch = TimeStretch(own / speed, synthesizer.info.rate_hz)
    audio = np.concatenate(await spoken(synthesizer, SENTENCE, speed=own))
    return np.concatenate([stretch.push(audio), stretch.flush()])


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.75, 1.25, 1.5])
async def test_speed_changes_the_length_and_keeps_the_pitch(synthesizer, natural, speed):
    audio = await at_speed(synthesizer, speed)
    # Voices hold some sounds and pauses constant, so they neither slow down nor hurry in full.
    assert audio.size / natural.size == pytest.approx(1 / speed, rel=0.25)
    # No two readings of a sentence have the same melody; played faster, it would be far off.
    rate_hz = synthesizer.info.rate_hz
    assert pitch_hz(audio, rate_hz) == pytest.approx(pitch_hz(natural, rate_hz), rel=0.2)


@pytest.mark.parametrize(("speed", "least"), [(0.25, 0.5), (0.75, 0.8), (1.5, 0.8)])
async def test_words_are_understood_at_any_speed(synthesizer, speed, least):
    audio = await at_speed(synthesizer, speed)
    heard = soxr.resample(audio, synthesizer.info.rate_hz, 16_000)
    transcriber = moonshine.create(settings_of("transcriber"))
    *_, transcript = [e async for e in transcriber.transcribe(heard, TranscriptionRequest())]
    await transcriber.aclose()
    understood = SequenceMatcher(None, words(SENTENCE), words(transcript.text)).ratio()
    assert understood >= least
