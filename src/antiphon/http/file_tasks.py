"""What the forms of transcriptions and translations ask for, as work to be done."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import NamedTuple

from antiphon.core.abilities import primary_language
from antiphon.engines.base import EngineInfo
from antiphon.engines.hearing import TranscriptionRequest
from antiphon.errors import RequestError
from antiphon.http.streams import EVENT_STREAM, as_events
from antiphon.http.transcript_formats import (
    MEDIA_TYPES,
    TIMED,
    formatted,
    stream_events,
    translated,
)
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.files.tokens import text_tokens
from antiphon.runtime.files.transcribe import FileTranscript, FileTranscription
from antiphon.wire.audio_config import ServerVad
from antiphon.wire.refusal import listed
from antiphon.wire.transcriptions import TranscriptionForm, TranslationForm, VadChunking

__all__ = ["FileTask", "transcription_task", "translation_task"]

_STREAMED = ("json", "text", "diarized_json")
"""Formats whose words can be told as they are found; the others are of whole passages."""


class FileTask(NamedTuple):
    """How a file is to be heard, and how it is told.

    Attributes:
        request: Hints for the transcriber.
        rules: Where the client wants the file cut; ``None`` if it does not care.
        timed: Whether passages are to be as short as subtitles are.
        whole: Whether it is to be heard in one piece.
        body: Yields the pieces of the answer.
        media_type: MIME type of the answer.
    """

    request: TranscriptionRequest
    rules: ServerVad | None
    timed: bool
    whole: bool
    body: Callable[[FileTranscription], AsyncGenerator[bytes, None]]
    media_type: str


def transcription_task(wanted: TranscriptionForm, engines: EngineSet) -> FileTask:
    """Return what a form asks for.

    Raises:
        RequestError: The transcriber cannot do it.
    """
    info = engines.transcriber.info
    _check_languages(wanted, engines)
    _check_format(wanted, info)
    _check_details(wanted, info)
    body: Callable[[FileTranscription], AsyncGenerator[bytes, None]]
    if wanted.stream:
        body, media_type = partial(_streamed, wanted=wanted, engines=engines), EVENT_STREAM
    else:
        body = partial(_whole, written=partial(formatted, wanted=wanted, info=info))
        media_type = MEDIA_TYPES[wanted.response_format]
    return FileTask(
        _request(wanted, info),
        _rules(wanted),
        timed=wanted.response_format in TIMED,
        whole=wanted.response_format == "diarized_json",
        body=body,
        media_type=media_type,
    )


def translation_task(wanted: TranslationForm, engines: EngineSet) -> FileTask:
    """Return what a form asks for.

    Raises:
        RequestError: The transcriber cannot do it.
    """
    info = engines.transcriber.info
    if not info.translates:
        message = (
            f"The transcriber '{info.name}' does not translate. Have the server run one that does, "
            "as Whisper, or ask for a transcription."
        )
        raise RequestError(message, code="invalid_value", param="model")
    request = TranscriptionRequest(
        prompt=wanted.prompt,
        model=wanted.model,
        logprobs=wanted.response_format == "verbose_json" and info.logprobs,
        translate=True,
    )
    return FileTask(
        request,
        rules=None,
        timed=wanted.response_format in TIMED,
        whole=False,
        body=partial(_whole, written=partial(translated, wanted=wanted)),
        media_type=MEDIA_TYPES[wanted.response_format],
    )


async def _whole(
    work: FileTranscription, written: Callable[[FileTranscript], bytes]
) -> AsyncGenerator[bytes, None]:
    """Yield the answer in one piece, when all words are known."""
    async with aclosing(work.listen()) as events:
        async for _ in events:
            pass
    yield written(work.transcript)


def _streamed(
    work: FileTranscription, wanted: TranscriptionForm, engines: EngineSet
) -> AsyncGenerator[bytes, None]:
    return as_events(stream_events(work, wanted, partial(text_tokens, engines)))


def _check_languages(wanted: TranscriptionForm, engines: EngineSet) -> None:
    abilities = engines.abilities
    if wanted.language:
        abilities.require_language(wanted.language, "language")
    for language in wanted.languages:
        abilities.require_language(language, "languages")


def _check_format(wanted: TranscriptionForm, info: EngineInfo) -> None:
    if wanted.response_format == "diarized_json" and not info.diarization:
        message = (
            f"The transcriber '{info.name}' does not tell speakers apart. Ask for another "
            "'response_format', or have the server run a transcriber that does."
        )
        raise RequestError(message, code="invalid_value", param="response_format")
    if wanted.stream and wanted.response_format not in _STREAMED:
        message = (
            f"A transcription as '{wanted.response_format}' cannot be streamed. Ask for "
            f"{listed(_STREAMED)}, or leave 'stream' out."
        )
        raise RequestError(message, code="invalid_value", param="stream")


def _check_details(wanted: TranscriptionForm, info: EngineInfo) -> None:
    """Check what is to be told beside the words."""
    if wanted.known_speaker_names or wanted.known_speaker_references:
        message = "Recognizing known speakers is not built yet. Leave them out."
        raise RequestError(message, code="not_implemented", param="known_speaker_names")
    if wanted.timestamp_granularities and wanted.response_format != "verbose_json":
        message = "Times are told in the 'response_format' 'verbose_json' only."
        raise RequestError(message, code="invalid_value", param="timestamp_granularities")
    if "word" in wanted.timestamp_granularities and not info.word_times:
        message = (
            f"The transcriber '{info.name}' does not tell when each word was said. Ask for "
            "'segment', or have the server run one that does, as Whisper."
        )
        raise RequestError(message, code="invalid_value", param="timestamp_granularities")
    if "logprobs" in wanted.include:
        if wanted.response_format != "json":
            message = "Log probabilities are told in the 'response_format' 'json' only."
            raise RequestError(message, code="invalid_value", param="include")
        if not info.logprobs:
            message = f"The transcriber '{info.name}' has no log probabilities."
            raise RequestError(message, code="invalid_value", param="include")


def _request(wanted: TranscriptionForm, info: EngineInfo) -> TranscriptionRequest:
    averages_logprobs = wanted.response_format == "verbose_json" and info.logprobs
    return TranscriptionRequest(
        language=primary_language(wanted.language) if wanted.language else None,
        languages=tuple(map(primary_language, wanted.languages)),
        prompt=wanted.prompt,
        keywords=wanted.keywords,
        model=wanted.model,
        logprobs="logprobs" in wanted.include or averages_logprobs,
        word_times="word" in wanted.timestamp_granularities,
    )


def _rules(wanted: TranscriptionForm) -> ServerVad | None:
    chunking = wanted.chunking_strategy
    if not isinstance(chunking, VadChunking):
        return None
    return ServerVad(
        threshold=chunking.threshold,
        prefix_padding_ms=chunking.prefix_padding_ms,
        silence_duration_ms=chunking.silence_duration_ms,
    )
