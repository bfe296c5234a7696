"""``/v1/audio/transcriptions`` and ``translations``: a file of speech in, its words out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial

import anyio
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from antiphon.audio.files import AudioReader
from antiphon.core.abilities import primary_language
from antiphon.core.usage import INPUT_AUDIO_TOKENS_PER_S, audio_tokens, usage_without_response
from antiphon.engines.base import EngineInfo
from antiphon.engines.hearing import LISTENING_RATE_HZ, TranscriptionRequest
from antiphon.errors import RequestError
from antiphon.http.forms import Form, read_form
from antiphon.http.streams import EVENT_STREAM, WorkedOutResponse, as_events
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
from antiphon.runtime.reception import Reception
from antiphon.wire.audio_config import ServerVad
from antiphon.wire.refusal import listed
from antiphon.wire.response import RealtimeResponseUsage
from antiphon.wire.transcriptions import TranscriptionForm, TranslationForm, VadChunking

__all__ = ["Transcriptions"]

_STREAMED = ("json", "text", "diarized_json")
"""Formats whose words can be told as they are found; the others are of whole passages."""


class Transcriptions:
    """The routes that transcribe and translate.

    Args:
        reception: Has the engines.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def create(self, request: Request) -> Response:
        """``POST /v1/audio/transcriptions``."""
        async with self._visit(request) as (needs, form):
            wanted = form.read_as(TranscriptionForm)
            return await self._answer(request, needs, form, wanted)

    async def translate(self, request: Request) -> Response:
        """``POST /v1/audio/translations``."""
        async with self._visit(request) as (needs, form):
            asked = form.read_as(TranslationForm)
            wanted = TranscriptionForm(
                model=asked.model,
                prompt=asked.prompt,
                response_format=asked.response_format,
                temperature=asked.temperature,
            )
            return await self._answer(request, needs, form, wanted, translate=True)

    @asynccontextmanager
    async def _visit(self, request: Request) -> AsyncGenerator[tuple[AsyncExitStack, Form], None]:
        """Let a client in, and read its form; the stack has what an answer needs."""
        async with AsyncExitStack() as needs:
            needs.enter_context(self._reception.admission.visit(request.state.access.key_name))
            yield needs, await needs.enter_async_context(read_form(request))

    async def _answer(
        self,
        request: Request,
        needs: AsyncExitStack,
        form: Form,
        wanted: TranscriptionForm,
        *,
        translate: bool = False,
    ) -> Response:
        admission, key_name = self._reception.admission, request.state.access.key_name
        engines = self._reception.openings.engines_of(wanted.model)
        info = engines.transcriber.info
        _check(wanted, info)
        if translate:
            _check_translates(info)
        model = self._reception.openings.choose_model(wanted.model)
        use = needs.enter_context(admission.work(key_name, model))
        reader = await anyio.to_thread.run_sync(AudioReader, form.file, LISTENING_RATE_HZ)
        needs.callback(reader.close)
        work = self._begin(reader, wanted, engines, translate=translate)
        needs.callback(lambda: use(_usage(reader)))
        if wanted.stream:
            events = stream_events(work, wanted, partial(text_tokens, engines))
            body, media_type = as_events(events), EVENT_STREAM
        else:
            body = _whole(
                work, partial(translated if translate else formatted, wanted=wanted, info=info)
            )
            media_type = MEDIA_TYPES[wanted.response_format]
        return WorkedOutResponse(body, media_type=media_type, needs=needs.pop_all())

    def _begin(
        self,
        reader: AudioReader,
        wanted: TranscriptionForm,
        engines: EngineSet,
        *,
        translate: bool,
    ) -> FileTranscription:
        return FileTranscription(
            reader,
            engines.transcriber,
            self._reception.detection,
            replace(_request(wanted, engines.transcriber.info), translate=translate),
            rules=_rules(wanted),
            timed=wanted.response_format in TIMED,
            whole=wanted.response_format == "diarized_json",
        )


def _usage(reader: AudioReader) -> RealtimeResponseUsage:
    """Return what has been used so far: as much as if a session had heard it."""
    heard_tokens = audio_tokens(reader.read_s * 1000, INPUT_AUDIO_TOKENS_PER_S)
    return usage_without_response(heard_tokens=heard_tokens)


async def _whole(
    work: FileTranscription, written: Callable[[FileTranscript], bytes]
) -> AsyncGenerator[bytes, None]:
    """Yield the answer in one piece, when all words are known."""
    async with aclosing(work.listen()) as events:
        async for _ in events:
            pass
    yield written(work.transcript)


def _check(wanted: TranscriptionForm, info: EngineInfo) -> None:
    """Check that the transcriber can do what is wanted.

    Raises:
        RequestError: It cannot.
    """
    _check_languages(wanted, info)
    _check_format(wanted, info)
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


def _check_translates(info: EngineInfo) -> None:
    if not info.translates:
        message = (
            f"The transcriber '{info.name}' does not translate. Have the server run one that does, "
            "as Whisper, or ask for a transcription."
        )
        raise RequestError(message, code="invalid_value", param="model")


def _check_languages(wanted: TranscriptionForm, info: EngineInfo) -> None:
    named = {
        "language": (wanted.language,) if wanted.language else (),
        "languages": wanted.languages,
    }
    for param, languages in named.items():
        for language in languages:
            if info.languages and primary_language(language) not in info.languages:
                message = (
                    f"Invalid value: '{language}'. The transcriber '{info.name}' understands "
                    f"{listed(info.languages)}."
                )
                raise RequestError(message, code="invalid_value", param=param)


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
