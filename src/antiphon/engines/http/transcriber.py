"""Transcribers behind ``/audio/transcriptions``: servers of Whisper, Parakeet and others.

Speech is sent as a WAV file of 16-bit samples at 16 kHz, which every one of them reads; two seconds
are 64 kB.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import openai

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    SHORTEST_AUDIO_S,
    Transcript,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.engines.http.calls import Calls
from antiphon.engines.http.loading import borrowed
from antiphon.engines.http.options import ServerOptions
from antiphon.engines.http.server import Server
from antiphon.engines.http.text import whole_characters
from antiphon.engines.http.transcripts import (
    DONE,
    Answer,
    StreamedWords,
    languages_of,
    logprobs_of,
    nesting_bounded,
    read,
    streamed,
    words_of,
)
from antiphon.engines.http.wav import wav_of
from antiphon.engines.options import options_as
from antiphon.wire.transcription_events import LogProb

__all__ = ["HttpTranscriber", "TranscriberOptions", "create"]

_STAGE: Final = "transcribe"


class TranscriberOptions(ServerOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set, beside :class:`ServerOptions`.

    Attributes:
        languages: ISO-639-1 codes of what it understands; empty for many.
        stream: Whether the server sends words as it finds them (``stream=true``).
        logprobs: Whether it tells log probabilities (``include[]=logprobs``).
        detects_language: Whether it is asked to say which language was spoken, which Whisper does
            (``response_format=verbose_json``). Not together with ``stream``.
        word_times: Whether it tells when each word was said, which servers of Whisper do
            (``timestamp_granularities[]=word``). Not together with ``stream``.
        translates: Whether it translates into English (``/audio/translations``).
        max_audio_s: Longest audio that it takes; ``None`` without a limit.
    """

    languages: tuple[str, ...] = ()
    stream: bool = False
    logprobs: bool = False
    detects_language: bool = False
    word_times: bool = False
    translates: bool = False
    max_audio_s: float | None = None


class HttpTranscriber:
    """Hears with a server. Built by :func:`create`.

    Args:
        info: What it is.
        server: Where it is; given back when it is closed.
        options: Its options.
    """

    def __init__(self, info: EngineInfo, server: Server, options: TranscriberOptions) -> None:
        self.info = info
        self._server = server
        self._options = options
        self._calls = Calls(server, info, _STAGE, options)

    async def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        """Yield the words as the server tells them: all at once, unless it streams.

        Raises:
            EngineError: The server failed (see ``failures.py``).
        """
        self._calls.refuse_if_closed()
        if len(audio) < SHORTEST_AUDIO_S * LISTENING_RATE_HZ:
            yield Transcript("")
            return
        fields = self._fields(request, await self._calls.model_for(request.model))
        file = ("speech.wav", wav_of(audio), "audio/wav")
        if request.translate or not self._options.stream:
            page = "translations" if request.translate else "transcriptions"
            answer = await self._calls.ask(lambda: self._send(page, fields, file))
            text = whole_characters(answer.text or "").strip()
            languages = languages_of(answer)
            words = words_of(answer) if request.word_times else ()
            yield Transcript(text, languages, logprobs_of(answer, text, request), words)
            return
        async with aclosing(self._streamed(fields, file, request)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        """End all requests, and the connections if nobody else uses them."""
        await self._calls.aclose()

    def _fields(self, request: TranscriptionRequest, model: str) -> dict[str, Any]:
        options = self._options
        fields: dict[str, Any] = {"model": model, "response_format": "json"}
        if request.translate:  # of which less can be asked
            return fields | ({"prompt": request.prompt} if request.prompt else {}) | options.body
        if options.detects_language and not options.stream:
            fields["response_format"] = "verbose_json"
        if options.stream:
            fields["stream"] = "true"
        if request.word_times:
            fields["response_format"] = "verbose_json"
            fields["timestamp_granularities[]"] = "word"
        elif request.logprobs:  # which are not told together with times
            fields["include[]"] = "logprobs"
        if request.language is not None:
            fields["language"] = request.language
        # There is no field for keywords; Whisper takes to words that its prompt has.
        if prompt := " ".join(filter(None, (request.prompt, ", ".join(request.keywords)))):
            fields["prompt"] = prompt
        return fields | options.body

    async def _send(
        self, page: str, fields: dict[str, Any], file: tuple[str, bytes, str]
    ) -> Answer:
        with nesting_bounded():
            answer: object = await self._server.client.post(
                f"/audio/{page}",
                body=fields,
                files=[("file", file)],
                options=_MULTIPART,
                cast_to=object,
            )
            return read(answer)

    async def _streamed(
        self, fields: dict[str, Any], file: tuple[str, bytes, str], request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        @asynccontextmanager
        async def ask() -> AsyncGenerator[AsyncIterator[Answer], None]:
            async with await self._server.client.post(
                "/audio/transcriptions",
                body=fields,
                files=[("file", file)],
                options=_MULTIPART,
                cast_to=object,
                stream=True,
                stream_cls=openai.AsyncStream[Any],
            ) as stream:
                yield streamed(stream)

        words = StreamedWords()
        logprobs: list[LogProb] = []

        def transcript(end: Answer) -> Transcript:
            text = words.told or whole_characters(end.text or "").strip()
            sure = tuple(logprobs) or logprobs_of(end, text, request)
            return Transcript(text, languages_of(end), sure)

        ended = False
        async with aclosing(self._calls.read(ask)) as answers:
            async for answer in answers:
                if ended:
                    continue
                if text := words.take(answer):
                    told = TranscriptDelta(text, logprobs_of(answer, text, request))
                    logprobs += told.logprobs
                    yield told
                elif answer.type == DONE:
                    ended = True
                    yield transcript(answer)
        if not ended:
            yield transcript(Answer())


_MULTIPART: Any = {"headers": {"Content-Type": "multipart/form-data"}}


def create(settings: EngineSettings) -> HttpTranscriber:
    """Build it; options as in :class:`TranscriberOptions`.

    Raises:
        EngineError: An option is wrong.
    """
    options = options_as(settings, TranscriberOptions, _STAGE)
    server = borrowed(options, settings.name, _STAGE)
    info = EngineInfo(
        name=settings.name,
        role="transcriber",
        remote=options.is_remote,
        languages=options.languages,
        rate_hz=LISTENING_RATE_HZ,
        max_audio_s=options.max_audio_s,
        deltas=options.stream,
        logprobs=options.logprobs,
        word_times=options.word_times and not options.stream,
        translates=options.translates,
    )
    return HttpTranscriber(info, server, options)
