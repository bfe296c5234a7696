"""The embedded transcriber."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

import numpy as np
import pytest

from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings
from antiphon.engines.ears import moonshine
from antiphon.engines.hearing import Transcript, TranscriptionRequest
from antiphon.errors import EngineError
from tests.engines.embedded import settings_of, speech

SAID = {
    "amiable": "he might even have been made amiable himself",
    "respectable": (
        "had he married a more amiable woman he might have been made still more respectable "
        "than he was"
    ),
    "selfish": "unless to be rather cold hearted and rather selfish is to be ill disposed",
}


class TestConformance(conformance.TranscriberConformance):
    speech = property(lambda _: speech("amiable"))

    @classmethod
    def create(cls):
        return moonshine.create(settings_of("transcriber"))


class TestConformanceOfTheLargerModel(conformance.TranscriberConformance):
    speech = property(lambda _: speech("amiable"))

    @classmethod
    def create(cls):
        return moonshine.create(settings_of("transcriber", "moonshine-base-en"))


@pytest.fixture(scope="module")
async def transcriber():
    transcriber = moonshine.create(settings_of("transcriber", max_audio_s=8.0))
    yield transcriber
    await transcriber.aclose()


@pytest.fixture(scope="module")
async def base():
    transcriber = moonshine.create(settings_of("transcriber", "moonshine-base-en"))
    yield transcriber
    await transcriber.aclose()


async def heard(transcriber, audio) -> str:
    *_, transcript = [e async for e in transcriber.transcribe(audio, TranscriptionRequest())]
    assert isinstance(transcript, Transcript)
    return transcript.text


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@pytest.mark.parametrize("clip", SAID)
async def test_it_writes_what_was_said(transcriber, clip):
    assert words(await heard(transcriber, speech(clip))) == words(SAID[clip])


async def test_a_word_is_given_as_soon_as_it_is_known(transcriber):
    events = transcriber.transcribe(speech("amiable"), TranscriptionRequest())
    first, second = await anext(events), await anext(events)
    await events.aclose()
    assert (first.text, second.text) == ("He", " might")


async def test_it_is_surer_of_words_that_were_said_clearly(transcriber):
    request = TranscriptionRequest(logprobs=True)
    *deltas, transcript = [e async for e in transcriber.transcribe(speech("amiable"), request)]
    tokens = transcript.logprobs
    assert "".join(one.token for one in tokens) == transcript.text
    assert [one for delta in deltas for one in delta.logprobs] == [*tokens]
    assert all(one.logprob <= 0 for one in tokens)
    assert np.median([one.logprob for one in tokens]) > np.log(0.95)

    rng = np.random.default_rng(0)
    noisy = speech("amiable") + rng.normal(0, 0.1, speech("amiable").size).astype(np.float32)
    *_, guessed = [e async for e in transcriber.transcribe(noisy, request)]
    clear_mean = np.mean([one.logprob for one in tokens])
    assert np.mean([one.logprob for one in guessed.logprobs]) < clear_mean - 0.1


async def test_log_probabilities_are_left_out_unless_wanted(transcriber):
    events = [e async for e in transcriber.transcribe(speech("amiable"), TranscriptionRequest())]
    assert all(event.logprobs == () for event in events)


async def test_log_probabilities_of_long_audio_cover_all_parts(transcriber):
    pause = np.zeros(8000, np.float32)
    audio = np.concatenate([part for clip in SAID for part in (speech(clip), pause)])
    request = TranscriptionRequest(logprobs=True)
    *_, transcript = [e async for e in transcriber.transcribe(audio, request)]
    assert "".join(one.token for one in transcript.logprobs) == transcript.text


async def test_an_utterance_longer_than_the_limit_is_heard_in_parts(transcriber):
    pause = np.zeros(8000, np.float32)
    clips = [part for clip in SAID for part in (speech(clip), pause)]
    text = await heard(transcriber, np.concatenate(clips))
    same = SequenceMatcher(None, words(text), words(" ".join(SAID.values()))).ratio()
    assert same > 0.9  # a word or two may differ without the sentence around it


async def test_the_larger_model_hears_the_same(base):
    for clip, said in SAID.items():
        assert words(await heard(base, speech(clip))) == words(said)
    assert await heard(base, np.zeros(3 * 16_000, np.float32)) == ""


async def test_the_larger_model_hears_speech_that_breaks_off(base):
    """Without silence after it, it writes nothing."""
    assert words(await heard(base, speech("respectable")[:12_800]))


@pytest.mark.parametrize("seconds", [0.05, 0.5, 3.0])
async def test_silence_has_no_words(transcriber, seconds):
    assert await heard(transcriber, np.zeros(int(seconds * 16_000), np.float32)) == ""


async def test_audio_of_two_channels_is_refused(transcriber):
    with pytest.raises(EngineError, match="one dimension"):
        await heard(transcriber, np.zeros((2, 16_000), np.float32))


def test_the_vocabulary_is_read_with_long_and_control_tokens(tmp_path):
    long = "ä" * 100  # 200 bytes: a length of two bytes, 72 + 128 and 1
    packed = b"\x05<unk>\x03<s>\x04</s>\x00\x02hi" + bytes([72 + 128, 1]) + long.encode()
    path = tmp_path / "tokenizer.bin"
    path.write_bytes(packed + b"\x06<<ST>>")
    assert moonshine.read_vocabulary(path) == (b"", b"", b"", b"", b"hi", long.encode(), b"")


@pytest.mark.parametrize("packed", [b"\x05<un", b"\x05<unk>\xff"])
def test_a_vocabulary_that_was_cut_off_is_refused(tmp_path, packed):
    path = tmp_path / "tokenizer.bin"
    path.write_bytes(packed)
    with pytest.raises(EngineError, match="ends in the middle of token"):
        moonshine.read_vocabulary(path)


def test_weights_that_are_no_model_are_refused(tmp_path):
    settings = settings_of("transcriber")
    broken = tmp_path / "encoder.ort"
    broken.write_bytes(b"not a model")
    files = {**settings.files, "encoder": broken}
    with pytest.raises(EngineError, match=r"cannot read .*encoder\.ort"):
        moonshine.create(EngineSettings(name="broken", files=files))
