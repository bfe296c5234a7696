"""Transcribers behind ``/audio/transcriptions``: servers of Whisper, Parakeet and others.

Speech is sent as a WAV file of 16-bit samples at 16 kHz, which every one of them reads; two seconds
are 64 kB.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import msgspec
import openai
from msgspec import Struct

from antiphon.core.languages import language_code
from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    SHORTEST_AUDIO_S,
    TimedWord,
    Transcript,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.engines.http.calls import Calls
from antiphon.engines.http.failures import unusable
from antiphon.engines.http.loading import borrowed
from antiphon.engines.http.options import ServerOptions
from antiphon.engines.http.server import Server
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


class _Token(Struct):
    token: str
    logprob: float


class _Word(Struct):
    word: str
    start: float
    end: float


class _Answer(Struct):
    """A whole answer, or one event of a stream; a field that another form has is left out."""

    type: str = ""
    text: str | None = None
    delta: str | None = None
    language: str | None = None
    logprobs: tuple[_Token, ...] | None = None
    words: tuple[_Word, ...] | None = None


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
            answer = _read(await self._calls.ask(lambda: self._send(page, fields, file)))
            text = (answer.text or "").strip()
            languages = _languages(answer)
            words = _words(answer) if request.word_times else ()
            yield Transcript(text, languages, _logprobs(answer, text, request), words)
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
    ) -> object:
        return await self._server.client.post(
            f"/audio/{page}",
            body=fields,
            files=[("file", file)],
            options=_MULTIPART,
            cast_to=object,
        )

    async def _streamed(
        self, fields: dict[str, Any], file: tuple[str, bytes, str], request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        @asynccontextmanager
        async def ask() -> AsyncGenerator[openai.AsyncStream[Any], None]:
            async with await self._server.client.post(
                "/audio/transcriptions",
                body=fields,
                files=[("file", file)],
                options=_MULTIPART,
                cast_to=object,
                stream=True,
                stream_cls=openai.AsyncStream[Any],
            ) as stream:
                yield stream

        told: list[TranscriptDelta] = []
        finished = False
        async with aclosing(self._calls.read(ask)) as events:
            async for event in events:
                answer = _read(event)
                if answer.delta:
                    text = answer.delta if told else answer.delta.lstrip()
                    told.append(TranscriptDelta(text, _logprobs(answer, text, request)))
                    yield told[-1]
                elif answer.text is not None and not finished:
                    finished = True
                    text = "".join(delta.text for delta in told) or answer.text.strip()
                    logprobs = tuple(one for delta in told for one in delta.logprobs)
                    logprobs = logprobs or _logprobs(answer, text, request)
                    yield Transcript(text, _languages(answer), logprobs)
        if not finished:
            raise unusable(_STAGE)


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


def _read(answer: object) -> _Answer:
    try:
        return msgspec.convert(answer, _Answer)
    except msgspec.ValidationError as error:
        raise unusable(_STAGE) from error


def _words(answer: _Answer) -> tuple[TimedWord, ...]:
    """When the words were said, in order whatever the server says."""
    words: list[TimedWord] = []
    for one in answer.words or ():
        start_s = max(0.0, one.start, words[-1].start_s if words else 0.0)
        words.append(TimedWord(one.word.strip(), start_s, max(start_s, one.end)))
    return tuple(words)


def _languages(answer: _Answer) -> tuple[str, ...]:
    """What was spoken: Whisper's servers give a name, others a code."""
    if not answer.language:
        return ()
    code = language_code(answer.language)
    return (code,) if code else ()


def _logprobs(answer: _Answer, text: str, request: TranscriptionRequest) -> tuple[LogProb, ...]:
    """The tokens of a text, if they were asked for and are those of the text."""
    if not request.logprobs or answer.logprobs is None:
        return ()
    logprobs = tuple(
        LogProb(token=one.token, logprob=min(one.logprob, 0.0), bytes=tuple(one.token.encode()))
        for one in answer.logprobs
    )
    return logprobs if "".join(one.token for one in logprobs) == text else ()
