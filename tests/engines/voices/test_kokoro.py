"""The synthesizer with the most natural voices."""

from __future__ import annotations

import io
import tarfile
from contextlib import aclosing
from difflib import SequenceMatcher

import numpy as np
import pytest
import soxr

from antiphon.engines import conformance
from antiphon.engines.ears import moonshine
from antiphon.engines.hearing import TranscriptionRequest
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.voices import kokoro
from antiphon.engines.voices.lead_in import AUDIBLE
from antiphon.errors import EngineError
from tests.engines.embedded import settings_of

LONG = "I would be happy to help you with that, so please tell me when you would like to come."


class TestConformance(conformance.SynthesizerConformance):
    @classmethod
    def create(cls):
        return kokoro.create(settings_of("synthesizer", "kokoro-82m"))


@pytest.fixture(scope="module")
async def synthesizer():
    synthesizer = kokoro.create(settings_of("synthesizer", "kokoro-82m"))
    yield synthesizer
    await synthesizer.aclose()


@pytest.fixture(scope="module")
async def transcriber():
    transcriber = moonshine.create(settings_of("transcriber"))
    yield transcriber
    await transcriber.aclose()


async def spoken(synthesizer, text, voice="af_heart", **fields) -> list[np.ndarray]:
    request = SpeechRequest(text=text, voice=voice, **fields)
    return [chunk async for chunk in synthesizer.synthesize(request)]


async def test_it_has_the_english_voices(synthesizer):
    voices = synthesizer.info.voices
    assert voices[0] == "af_heart"
    assert {"am_michael", "bf_emma", "bm_george"} <= set(voices)
    assert len(voices) == 28


@pytest.mark.parametrize(
    ("voice", "speed"), [("af_heart", 1.0), ("af_heart", 0.75), ("bm_george", 1.0)]
)
async def test_it_can_be_understood(synthesizer, transcriber, voice, speed):
    text = "The train to London leaves at noon, and it is beautiful there in spring."
    audio = np.concatenate(await spoken(synthesizer, text, voice, speed=speed))
    heard = soxr.resample(audio, synthesizer.info.rate_hz, 16_000)
    *_, transcript = [e async for e in transcriber.transcribe(heard, TranscriptionRequest())]
    understood = SequenceMatcher(None, text.split(), transcript.text.split()).ratio()
    assert understood > 0.9


async def test_a_long_clause_is_heard_before_it_is_computed(synthesizer):
    request = SpeechRequest(text=LONG, voice="af_heart")
    async with aclosing(synthesizer.synthesize(request)) as chunks:
        first = await anext(chunks)
        rest = [chunk async for chunk in chunks]
    assert first.size < synthesizer.info.rate_hz
    assert sum(chunk.size for chunk in rest) > 3 * first.size


async def test_it_begins_to_sound_at_once(synthesizer):
    first, *_ = await spoken(synthesizer, LONG)
    assert np.flatnonzero(np.abs(first) > AUDIBLE)[0] <= 0.012 * synthesizer.info.rate_hz


async def test_chunks_join_without_a_click(synthesizer):
    chunks = await spoken(synthesizer, LONG)
    audio = np.concatenate(chunks)
    steps = np.abs(np.diff(audio))
    nearby = synthesizer.info.rate_hz // 100
    for seam in np.cumsum([chunk.size for chunk in chunks[:-1]]):
        around = np.r_[steps[seam - nearby : seam - 1], steps[seam : seam + nearby]]
        assert steps[seam - 1] <= around.max()


@pytest.mark.parametrize("text", [" ", "...", "你好"])
async def test_text_without_words_is_silent(synthesizer, text):
    assert await spoken(synthesizer, text) == []


async def test_the_names_of_its_voices_are_told_when_one_is_unknown(synthesizer):
    with pytest.raises(EngineError, match="no voice 'alloy'; its voices are af_heart, ") as caught:
        await spoken(synthesizer, "Hello.", "alloy")
    assert caught.value.code == "voice_not_found"


async def test_another_language_has_other_voices():
    synthesizer = kokoro.create(settings_of("synthesizer", "kokoro-82m", language="es"))
    assert synthesizer.info.languages == ("es",)
    assert synthesizer.info.voices == ("ef_dora", "em_alex", "em_santa")
    assert await spoken(synthesizer, "Buenos días.", "ef_dora")
    await synthesizer.aclose()


def test_a_language_that_it_does_not_speak_is_refused():
    with pytest.raises(EngineError, match="language") as caught:
        kokoro.create(settings_of("synthesizer", "kokoro-82m", language="zh"))
    assert caught.value.code == "invalid_options"


def archive(path, **members: bytes):
    with tarfile.open(path, "w:gz") as package:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"package/voices/{name}.bin")
            entry.size = len(content)
            package.addfile(entry, io.BytesIO(content))
    return path


def test_only_voices_of_the_wanted_accents_are_read(tmp_path):
    voice = np.zeros((510, 1, 256), "<f4").tobytes()
    path = archive(tmp_path / "voices.tgz", af_one=voice, bf_two=voice, ef_three=voice)
    assert list(kokoro.read_styles(path, ("a", "b"))) == ["af_one", "bf_two"]


@pytest.mark.parametrize("content", [b"", b"1234", b"123"])
def test_a_voice_of_the_wrong_size_is_refused(tmp_path, content):
    path = archive(tmp_path / "voices.tgz", af_one=content)
    with pytest.raises(EngineError, match=r"voices\.tgz does not hold Kokoro's voices"):
        kokoro.read_styles(path, ("a",))


def test_an_archive_without_voices_is_refused(tmp_path):
    path = archive(tmp_path / "voices.tgz")
    with pytest.raises(EngineError, match="holds no voices of Kokoro"):
        kokoro.read_styles(path, ("a",))


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "voices.tgz"
    path.write_bytes(b"<html>")
    with pytest.raises(EngineError, match=r"voices\.tgz does not hold") as caught:
        kokoro.read_styles(path, ("a",))
    assert caught.value.code == "weights_unreadable"
