"""Whisper by CTranslate2."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings
from antiphon.engines.ears import whisper
from antiphon.engines.hearing import TranscriptDelta, TranscriptionRequest
from antiphon.errors import EngineError
from tests.engines.ears.test_moonshine import SAID, words
from tests.engines.embedded import settings_of, speech

PAUSE = np.zeros(16_000, np.float32)


class TestConformance(conformance.TranscriberConformance):
    speech = property(lambda _: speech("amiable"))

    @classmethod
    def create(cls):
        return whisper.create(settings_of("transcriber", "whisper-base"))


@pytest.fixture(scope="module")
async def transcriber():
    transcriber = whisper.create(settings_of("transcriber", "whisper-base"))
    yield transcriber
    await transcriber.aclose()


async def events(transcriber, audio, **request):
    transcription = transcriber.transcribe(audio, TranscriptionRequest(**request))
    return [event async for event in transcription]


async def heard(transcriber, audio, **request):
    return (await events(transcriber, audio, **request))[-1]


@pytest.mark.parametrize("clip", SAID)
async def test_it_writes_what_was_said_and_in_which_language(transcriber, clip):
    transcript = await heard(transcriber, speech(clip))
    assert words(transcript.text) == words(SAID[clip])
    assert transcript.languages == ("en",)
    assert transcript.text == transcript.text.strip()


async def test_it_says_which_languages_it_knows(transcriber):
    assert len(transcriber.info.languages) == 99
    assert transcriber.info.languages[:3] == ("en", "zh", "de")
    assert "jv" in transcriber.info.languages, "Javanese, which Whisper calls jw"


async def test_it_writes_in_the_language_that_it_is_told(transcriber):
    transcript = await heard(transcriber, speech("amiable"), language="de")
    assert transcript.languages == ("de",)
    assert words(transcript.text) != words(SAID["amiable"])


async def test_it_writes_in_english_what_is_said_in_the_language_that_it_is_told(transcriber):
    transcript = await heard(transcriber, speech("amiable"), language="de", translate=True)
    assert words(transcript.text) == words(SAID["amiable"])


async def test_it_looks_for_the_language_among_those_it_may_be(transcriber):
    transcript = await heard(transcriber, speech("amiable"), languages=("fr", "it"))
    assert transcript.languages in (("fr",), ("it",))


async def test_hints_that_it_cannot_use_are_ignored(transcriber):
    request = {"language": "tlh", "languages": ("tlh",)}
    assert (await heard(transcriber, speech("amiable"), **request)).languages == ("en",)


async def test_words_are_written_as_the_keywords_are(transcriber):
    transcript = await heard(transcriber, speech("amiable"), keywords=("Amyable",))
    assert "Amyable" in transcript.text


async def test_text_is_written_in_the_manner_of_the_prompt(transcriber):
    prompt = "he was there and she was there and they said nothing at all to each other"
    transcript = await heard(transcriber, speech("amiable"), prompt=prompt)
    assert transcript.text.startswith("he might")


async def test_a_prompt_that_is_too_long_is_cut(transcriber):
    transcript = await heard(transcriber, speech("amiable"), prompt="It was long ago. " * 200)
    assert "amiable" in transcript.text


async def test_speech_that_breaks_off_is_not_repeated(transcriber):
    """With windows of 8 s the decoder goes round in circles here, with 30 s it does not."""
    cut = speech("respectable")[: int(4.75 * 16_000)]
    assert len(words((await heard(transcriber, cut)).text)) <= len(words(SAID["respectable"]))


async def test_a_decoder_that_goes_round_in_circles_hears_it_again(transcriber, monkeypatch):
    cut = speech("respectable")[: int(4.75 * 16_000)]
    monkeypatch.setattr(whisper, "SHORTEST_WINDOW_S", 5.0)
    monkeypatch.setattr(whisper, "SILENCE_AFTER_S", 0.0)
    mended = words((await heard(transcriber, cut)).text)
    monkeypatch.setattr(whisper, "MOST_COMPRESSIBLE", np.inf)
    in_circles = words((await heard(transcriber, cut)).text)
    assert len(in_circles) > 2 * len(mended)
    assert len(mended) <= len(words(SAID["respectable"]))


async def test_long_audio_is_heard_in_parts_each_of_which_is_a_delta(transcriber):
    clips = [part for clip in SAID for part in (speech(clip), PAUSE)]
    long = np.concatenate(clips * 2)
    assert long.size > whisper.WINDOW_S * 16_000
    *deltas, transcript = await events(transcriber, long, logprobs=True)
    assert len(deltas) == 2
    assert all(isinstance(delta, TranscriptDelta) for delta in deltas)
    assert deltas[1].text.startswith(" ")
    assert transcript.text.lower().count("amiable himself") == 2
    told = b"".join(bytes(token.bytes) for token in transcript.logprobs)
    assert told.decode() == transcript.text


async def test_it_says_when_each_word_was_said(transcriber):
    alone = (await heard(transcriber, speech("amiable"), word_times=True)).words
    assert [word.text.lower() for word in alone] == words(SAID["amiable"])
    assert alone[-1].end_s == pytest.approx(len(speech("amiable")) / 16_000, abs=0.7)
    before = np.concatenate([PAUSE, speech("respectable"), PAUSE, PAUSE])
    audio = np.concatenate([before, speech("amiable")])
    later = (await heard(transcriber, audio, word_times=True)).words
    assert later[0].start_s == pytest.approx(1.0, abs=0.4)
    for one, other in zip(alone, later[-len(alone) :], strict=True):
        assert one.text.lower() == other.text.lower()
        assert other.start_s - one.start_s == pytest.approx(len(before) / 16_000, abs=0.3)
        assert 0 < other.end_s - other.start_s < 1.0


async def test_words_of_later_parts_are_told_by_the_clock_of_the_whole(transcriber, monkeypatch):
    monkeypatch.setattr(whisper, "WINDOW_S", 12.0)  # parts of 10 s
    audio = np.concatenate([speech("respectable"), PAUSE, speech("amiable"), PAUSE] * 2)
    *deltas, transcript = await events(transcriber, audio, word_times=True)
    assert len(deltas) > 1
    starts_s = [word.start_s for word in transcript.words]
    assert starts_s == sorted(starts_s)
    assert [word.text for word in transcript.words][-1] == "himself"
    ends_s = (audio.size - PAUSE.size) / 16_000
    assert transcript.words[-1].end_s == pytest.approx(ends_s, abs=0.7)


async def test_it_is_surer_of_words_that_were_said_clearly(transcriber):
    rng = np.random.default_rng(0)
    noisy = speech("amiable") + rng.normal(0, 0.05, speech("amiable").size).astype(np.float32)
    clear, guessed = [
        np.mean([token.logprob for token in (await heard(transcriber, a, logprobs=True)).logprobs])
        for a in (speech("amiable"), noisy)
    ]
    assert guessed < clear - 0.1


@pytest.mark.parametrize("seconds", [0.05, 0.5, 3.0])
async def test_silence_has_no_words(transcriber, seconds):
    silence = np.zeros(int(seconds * 16_000), np.float32)
    transcript = await heard(transcriber, silence)
    assert (transcript.text, transcript.languages) == ("", ())


async def test_audio_of_two_channels_is_refused(transcriber):
    with pytest.raises(EngineError, match="one dimension"):
        await heard(transcriber, np.zeros((2, 16_000), np.float32))


@pytest.fixture
def folder(tmp_path):
    """The model as people have it who use faster-whisper."""
    for path in settings_of("transcriber", "whisper-base").files.values():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


async def test_a_folder_of_the_operators_runs(folder):
    transcriber = whisper.create(EngineSettings(name="mine", files={"model": folder}))
    try:
        assert words((await heard(transcriber, speech("amiable"))).text) == words(SAID["amiable"])
    finally:
        await transcriber.aclose()


def test_a_folder_without_a_tokenizer_is_refused_with_where_to_get_it(folder):
    (folder / "tokenizer.json").unlink()
    with pytest.raises(EngineError, match=r"no tokenizer\.json in .* openai/whisper-base"):
        whisper.create(EngineSettings(name="mine", files={"model": folder}))


def test_a_model_that_is_none_is_refused(folder):
    (folder / "model.bin").unlink()
    (folder / "model.bin").write_bytes(b"not a model")
    with pytest.raises(EngineError, match="CTranslate2 cannot load"):
        whisper.create(EngineSettings(name="mine", files={"model": folder}))


def test_a_tokenizer_of_another_model_is_refused(folder):
    tokenizer = folder / "tokenizer.json"
    shutil.copy(tokenizer.resolve(), folder / "copy.json")
    text = (folder / "copy.json").read_text().replace("<|startofprev|>", "<|other|>")
    tokenizer.unlink()
    tokenizer.write_text(text)
    with pytest.raises(EngineError, match=r"no token '<\|startofprev\|>'"):
        whisper.create(EngineSettings(name="mine", files={"model": folder}))


@pytest.mark.parametrize(
    ("option", "value"), [("device", "tpu"), ("compute_type", "int3"), ("beams", 5)]
)
def test_options_that_do_not_exist_are_refused(option, value):
    with pytest.raises(EngineError, match=str(value) if option != "beams" else "beams"):
        whisper.create(settings_of("transcriber", "whisper-base", **{option: value}))
