from __future__ import annotations

import pytest
from msgspec.structs import replace

from antiphon.engines.hearing import TranscriptionRequest
from antiphon.errors import RequestError
from antiphon.http.file_tasks import transcription_task, translation_task
from antiphon.runtime.engine_set import EngineSet
from antiphon.wire.audio_config import ServerVad
from antiphon.wire.transcriptions import TranscriptionForm, TranslationForm, VadChunking
from tests.support.cast import make_cast


def engines(**info: object) -> EngineSet:
    """Engines whose transcriber can do what is said."""
    cast = make_cast()
    cast.transcriber.info = replace(cast.transcriber.info, **info)
    return cast.engines


def test_what_the_form_hints_at_is_told_to_the_transcriber():
    form = TranscriptionForm(
        model="whisper-1",
        language="en-US",
        languages=("de-AT", "fr"),
        prompt="A talk.",
        keywords=("Oslo",),
        include=("logprobs",),
    )
    assert transcription_task(form, engines()).request == TranscriptionRequest(
        model="whisper-1",
        language="en",
        languages=("de", "fr"),
        prompt="A talk.",
        keywords=("Oslo",),
        logprobs=True,
    )


def test_a_translation_is_asked_for_in_english():
    form = TranslationForm(model="whisper-1", prompt="A talk.", response_format="verbose_json")
    assert translation_task(form, engines()).request == TranscriptionRequest(
        model="whisper-1", prompt="A talk.", logprobs=True, translate=True
    )


@pytest.mark.parametrize(
    ("response_format", "timed", "whole"),
    [
        ("json", False, False),
        ("srt", True, False),
        ("verbose_json", True, False),
        ("diarized_json", False, True),
    ],
)
def test_the_format_says_how_long_the_pieces_are(response_format, timed, whole):
    task = transcription_task(TranscriptionForm(response_format=response_format), engines())
    assert (task.timed, task.whole) == (timed, whole)


def test_a_file_is_cut_as_the_form_says():
    own = VadChunking(threshold=0.3, prefix_padding_ms=100, silence_duration_ms=700)
    task = transcription_task(TranscriptionForm(chunking_strategy=own), engines())
    assert task.rules == ServerVad(threshold=0.3, prefix_padding_ms=100, silence_duration_ms=700)
    assert transcription_task(TranscriptionForm(chunking_strategy="auto"), engines()).rules is None


VERBOSE_WORDS = TranscriptionForm(response_format="verbose_json", timestamp_granularities=("word",))


@pytest.mark.parametrize(
    ("form", "info", "code", "param"),
    [
        (TranscriptionForm(language="fr"), {"languages": ("en",)}, "invalid_value", "language"),
        (
            TranscriptionForm(languages=("fr",)),
            {"languages": ("en",)},
            "invalid_value",
            "languages",
        ),
        (
            TranscriptionForm(response_format="diarized_json"),
            {"diarization": False},
            "invalid_value",
            "response_format",
        ),
        (
            TranscriptionForm(stream=True, response_format="srt"),
            {},
            "invalid_value",
            "stream",
        ),
        (
            TranscriptionForm(known_speaker_names=("agent",)),
            {},
            "not_implemented",
            "known_speaker_names",
        ),
        (
            TranscriptionForm(timestamp_granularities=("segment",)),
            {},
            "invalid_value",
            "timestamp_granularities",
        ),
        (VERBOSE_WORDS, {"word_times": False}, "invalid_value", "timestamp_granularities"),
        (
            TranscriptionForm(include=("logprobs",), response_format="text"),
            {},
            "invalid_value",
            "include",
        ),
        (TranscriptionForm(include=("logprobs",)), {"logprobs": False}, "invalid_value", "include"),
    ],
)
def test_what_the_transcriber_cannot_do_is_refused(form, info, code, param):
    with pytest.raises(RequestError) as refused:
        transcription_task(form, engines(**info))
    assert (refused.value.code, refused.value.param) == (code, param)


def test_who_cannot_translate_says_so():
    with pytest.raises(RequestError, match="Whisper") as refused:
        translation_task(TranslationForm(), engines(translates=False))
    assert refused.value.param == "model"
