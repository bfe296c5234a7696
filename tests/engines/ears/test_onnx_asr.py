"""Models that onnx-asr loads. The model here is small, and made for the test."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings
from antiphon.engines.ears import onnx_asr
from antiphon.engines.hearing import TranscriptDelta, TranscriptionRequest
from antiphon.errors import EngineError
from tests.engines import tiny_tdt
from tests.engines.embedded import speech


def settings(folder, **options):
    return EngineSettings(name="tiny-tdt", files={"model": folder}, options=options, threads=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_tdt.write(tmp_path_factory.mktemp("tiny-tdt"))


class TestConformance(conformance.TranscriberConformance):
    speech = property(lambda _: speech("amiable"))

    @classmethod
    def create(cls):
        with TemporaryDirectory() as folder:
            return onnx_asr.create(settings(tiny_tdt.write(Path(folder))))


@pytest.fixture
async def transcriber(folder):
    transcriber = onnx_asr.create(settings(folder, languages=["en", "de"], max_audio_s=2.0))
    yield transcriber
    await transcriber.aclose()


async def events(transcriber, audio, **request):
    transcription = transcriber.transcribe(audio, TranscriptionRequest(**request))
    return [event async for event in transcription]


async def test_it_writes_what_the_model_hears_with_how_sure_it_is(transcriber):
    *deltas, transcript = await events(transcriber, speech("amiable")[:24_000], logprobs=True)
    assert transcript.text.startswith("well, yes")
    assert [token.token for token in transcript.logprobs][:3] == ["well", ",", " yes"]
    assert all(token.logprob < 0 for token in transcript.logprobs)
    assert len(deltas) == 1


async def test_long_audio_is_heard_in_parts_each_of_which_is_a_delta(transcriber):
    *deltas, transcript = await events(transcriber, speech("amiable"), logprobs=True)
    assert transcript.text.count("well") > 1
    assert len(deltas) == 2
    assert all(isinstance(delta, TranscriptDelta) for delta in deltas)
    assert deltas[1].text.startswith(" well")
    assert deltas[1].logprobs[0].token == " well"


async def test_a_language_for_which_the_model_has_no_use_is_ignored(transcriber):
    (*_, told), (*_, untold) = [
        await events(transcriber, speech("amiable"), language=language) for language in ("de", None)
    ]
    assert told == untold


async def test_it_says_what_it_was_told_and_found_out(transcriber):
    assert transcriber.info.languages == ("en", "de")
    assert transcriber.info.logprobs


async def test_audio_of_two_channels_is_refused(transcriber):
    with pytest.raises(EngineError, match="one dimension"):
        await events(transcriber, np.zeros((2, 16_000), np.float32))


@pytest.mark.parametrize("options", [{}, {"quantization": "int8"}])
async def test_quantized_files_are_taken_where_there_are_no_others(tmp_path, options):
    tiny_tdt.write(tmp_path, ".int8.onnx")
    transcriber = onnx_asr.create(settings(tmp_path, **options))
    await transcriber.aclose()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantization": "int4"}, r"int4\.onnx"),
        ({"model_type": "parrot"}, "parrot"),
        ({"beams": 5}, "beams"),
    ],
)
def test_what_cannot_be_loaded_is_refused_and_named(folder, options, message):
    with pytest.raises(EngineError, match=message):
        onnx_asr.create(settings(folder, **options))


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(EngineError, match=r"cannot load .*config\.json"):
        onnx_asr.create(settings(tmp_path))


@pytest.mark.parametrize(
    ("text", "tokens", "pieces"),
    [
        ("well, yes", [" well", " ,", " ", "yes"], ["well", ",", " ", "yes"]),
        (" well", [" w", "ell"], [" w", "ell"]),
        ("a a", ["", " a", " a"], ["a", " a"]),
        (" c'est", ["c", "'", "est"], [" c", "'", "est"]),
    ],
)
def test_tokens_are_the_pieces_of_their_text(text, tokens, pieces):
    shown = onnx_asr.aligned(text, tokens)
    assert [piece for _, piece in shown] == pieces
    assert "".join(pieces) == text
    assert all(piece.strip() in tokens[place] for place, piece in shown)


async def test_it_says_when_each_word_was_said(transcriber):
    audio = speech("amiable")
    *_, transcript = await events(transcriber, audio, word_times=True)
    assert [word.text for word in transcript.words][:2] == ["well", "yes"]
    assert len(transcript.words) == len(transcript.text.split())
    starts_s = [word.start_s for word in transcript.words]
    assert starts_s == sorted(starts_s)
    assert 2.0 < transcript.words[-1].start_s < len(audio) / 16_000  # beyond the first part
