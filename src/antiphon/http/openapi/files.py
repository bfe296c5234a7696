"""Pages of the server itself, of models, and of audio files."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from antiphon.audio.encoders import ENCODINGS
from antiphon.http.openapi.operation import (
    EVENTS,
    FORM,
    JSON,
    KEY_ERRORS,
    WORKING_ERRORS,
    Key,
    Operation,
)
from antiphon.wire import pages
from antiphon.wire.speech import SpeechBody
from antiphon.wire.transcriptions import (
    DiarizedTranscription,
    Transcription,
    TranscriptionForm,
    Translation,
    TranslationForm,
    VerboseTranscription,
    VerboseTranslation,
)

__all__ = ["FILE_OPERATIONS", "MODEL_OPERATIONS", "SERVER_OPERATIONS"]


_Upload = Annotated[
    str,
    Meta(
        description="The file: WAV, FLAC, MP3, Ogg, WebM, MP4 or AAC.",
        extra_json_schema={"format": "binary"},
    ),
]


class TranscriptionUpload(TranscriptionForm, frozen=True, kw_only=True):
    """A file of speech, and what is to be told of it."""

    file: _Upload


class TranslationUpload(TranslationForm, frozen=True, kw_only=True):
    """A file of speech, to be told in English."""

    file: _Upload


SERVER_OPERATIONS = (
    Operation(
        "GET",
        "/health",
        "health",
        "Server",
        "How much is going on.",
        Key.NONE,
        answer={JSON: pages.Health},
    ),
    Operation(
        "GET",
        "/healthz",
        "live",
        "Server",
        "Whether the server answers.",
        Key.NONE,
        answer={JSON: dict[str, str]},
    ),
    Operation(
        "GET",
        "/readyz",
        "ready",
        "Server",
        "Whether clients should come.",
        Key.NONE,
        answer={JSON: pages.Readiness},
        also={503: pages.Readiness},
    ),
    Operation(
        "GET",
        "/v1/antiphon/openapi.json",
        "openapi",
        "Server",
        "This document.",
        Key.NONE,
        answer={JSON: dict[str, Any]},
    ),
)

MODEL_OPERATIONS = (
    Operation(
        "GET",
        "/v1/models",
        "list_models",
        "Models",
        "All models.",
        Key.ANY,
        answer={JSON: pages.ModelList},
        errors=KEY_ERRORS,
    ),
    Operation(
        "GET",
        "/v1/models/{model}",
        "get_model",
        "Models",
        "A model.",
        Key.ANY,
        answer={JSON: pages.Model},
        errors=(*KEY_ERRORS, 404),
    ),
    Operation(
        "GET",
        "/v1/antiphon/voices",
        "list_voices",
        "Models",
        "A model's voices.",
        Key.ANY,
        query=pages.VoicesQuery,
        answer={JSON: pages.VoiceList},
        errors=(400, *KEY_ERRORS, 404),
    ),
)

FILE_OPERATIONS = (
    Operation(
        "POST",
        "/v1/audio/speech",
        "create_speech",
        "Audio files",
        "Speak a text.",
        Key.ANY,
        body={JSON: SpeechBody},
        answer={**{one.media_type: None for one in ENCODINGS.values()}, EVENTS: None},
        errors=WORKING_ERRORS,
    ),
    Operation(
        "POST",
        "/v1/audio/transcriptions",
        "create_transcription",
        "Audio files",
        "Tell what is said in a file.",
        Key.ANY,
        body={FORM: TranscriptionUpload},
        answer={
            JSON: (Transcription, VerboseTranscription, DiarizedTranscription),
            "text/plain": None,
            "application/x-subrip": None,
            "text/vtt": None,
            EVENTS: None,
        },
        errors=WORKING_ERRORS,
    ),
    Operation(
        "POST",
        "/v1/audio/translations",
        "create_audio_translation",
        "Audio files",
        "Tell in English what is said in a file.",
        Key.ANY,
        body={FORM: TranslationUpload},
        answer={
            JSON: (Translation, VerboseTranslation),
            "text/plain": None,
            "application/x-subrip": None,
            "text/vtt": None,
        },
        errors=WORKING_ERRORS,
    ),
)
