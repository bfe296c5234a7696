"""The embedded synthesizer."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import onnx
import pytest
import soxr
from onnx import TensorProto, helper

from antiphon.audio.stretch import TimeStretch
from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings
from antiphon.engines.ears import moonshine
from antiphon.engines.hearing import TranscriptionRequest
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.voices import piper
from antiphon.engines.voices.lead_in import AUDIBLE
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
    audible = np.flatnonzero(np.abs(first) > AUDIBLE)
    assert audible[0] <= 0.012 * synthesizer.info.rate_hz


async def test_text_without_words_is_silent(synthesizer):
    assert await spoken(synthesizer, " ") == []


async def test_the_names_of_its_voices_are_told_when_one_is_unknown(synthesizer):
    with pytest.raises(EngineError, match=r"no voice 'alloy'; its voices are joe") as caught:
        await anext(synthesizer.synthesize(SpeechRequest(text="Hello.", voice="alloy")))
    assert caught.value.code == "voice_not_found"


def test_a_config_that_describes_no_voice_is_refused(tmp_path):
    settings = settings_of("synthesizer")
    config = tmp_path / "voice.json"
    config.write_text("{}")
    with pytest.raises(EngineError, match=r"voice\.json does not describe a Piper voice"):
        piper.create(EngineSettings(name="x", files={**settings.files, "config": config}))


# --- voices of one's own --------------------------------------------------------------------------


def voice_at(folder: Path, **described) -> Path:
    """A voice of several speakers, whose sound is its speaker's number, a tenth of it."""
    names = {"input": TensorProto.INT64, "input_lengths": TensorProto.INT64}
    names |= {"scales": TensorProto.FLOAT, "sid": TensorProto.INT64}
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["sid"], ["number"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["number", "tenth"], ["level"]),
            helper.make_node("Expand", ["level", "shape"], ["output"]),
        ],
        "voice",
        [helper.make_tensor_value_info(name, kind, None) for name, kind in names.items()],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
        [
            helper.make_tensor("tenth", TensorProto.FLOAT, (1,), [0.1]),
            helper.make_tensor("shape", TensorProto.INT64, (4,), [1, 1, 1, 1600]),
        ],
    )
    path = folder / "voice.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), path)
    described = {
        "audio": {"sample_rate": 16_000},
        "espeak": {"voice": "de"},
        "language": {"code": "de_DE", "family": "de"},
        "num_symbols": 3,
        "num_speakers": 4,
        "speaker_id_map": {"third": 3, "first": 1},
        "phoneme_id_map": {"_": [0], "^": [1], "$": [2], "a": [3]},
        **described,
    }
    path.with_name("voice.onnx.json").write_text(json.dumps(described))
    return path


def own_voice(path: Path):
    settings = EngineSettings(name="mine", files={"model": path}, options={"gain": 1.0})
    return piper.create(settings)


async def test_a_voice_is_described_by_the_file_beside_it(tmp_path):
    synthesizer = own_voice(voice_at(tmp_path))
    assert synthesizer.info.languages == ("de",)
    assert synthesizer.info.rate_hz == 16_000
    assert synthesizer.info.voices == ("first", "third")
    await synthesizer.aclose()


@pytest.mark.parametrize(("voice", "level"), [("first", 0.1), ("third", 0.3)])
async def test_each_speaker_is_a_voice(tmp_path, voice, level):
    synthesizer = own_voice(voice_at(tmp_path))
    (chunk,) = [
        chunk async for chunk in synthesizer.synthesize(SpeechRequest(text="Ja", voice=voice))
    ]
    assert chunk == pytest.approx(level)
    await synthesizer.aclose()


async def test_speakers_without_names_are_numbered(tmp_path):
    synthesizer = own_voice(voice_at(tmp_path, speaker_id_map={}))
    assert synthesizer.info.voices == ("0", "1", "2", "3")
    await synthesizer.aclose()


async def test_old_voices_tell_their_language_by_its_pronunciation(tmp_path):
    synthesizer = own_voice(voice_at(tmp_path, language={}, espeak={"voice": "en-us"}))
    assert synthesizer.info.languages == ("en",)
    await synthesizer.aclose()


def test_a_voice_without_its_description_is_refused(tmp_path):
    path = voice_at(tmp_path)
    path.with_name("voice.onnx.json").unlink()
    with pytest.raises(EngineError, match=r"voice\.onnx\.json is not there") as caught:
        own_voice(path)
    assert caught.value.code == "weights_missing"


def test_a_voice_that_piper_needs_more_packages_for_is_refused(tmp_path):
    with pytest.raises(EngineError, match="phonemes are of type 'pinyin'") as caught:
        own_voice(voice_at(tmp_path, phoneme_type="pinyin"))
    assert caught.value.code == "weights_unsupported"


async def test_letters_of_other_scripts_are_left_out(synthesizer):
    assert await spoken(synthesizer, "你好") == []


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
