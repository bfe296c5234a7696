"""What a transcription is answered with, in each of the formats of the API."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Literal

from msgspec import UNSET, UnsetType

from antiphon.core.languages import language_name
from antiphon.core.usage import INPUT_AUDIO_TOKENS_PER_S, audio_tokens
from antiphon.engines.base import EngineInfo
from antiphon.engines.hearing import SpeakerTurn
from antiphon.http.subtitles import as_srt, as_vtt
from antiphon.runtime.files.transcribe import (
    FileTranscript,
    FileTranscription,
    Passage,
    SpeakerHeard,
    WordsHeard,
)
from antiphon.wire.codec import encode
from antiphon.wire.transcription_events import (
    TranscriptionDurationUsage,
    TranscriptionInputTokenDetails,
    TranscriptionLanguage,
    TranscriptionTokenUsage,
)
from antiphon.wire.transcriptions import (
    DiarizedSegment,
    DiarizedTranscription,
    TextDelta,
    TextDone,
    Transcription,
    TranscriptionForm,
    TranscriptionFormat,
    TranscriptionStreamEvent,
    Translation,
    TranslationForm,
    VerboseSegment,
    VerboseTranscription,
    VerboseTranslation,
    VerboseWord,
)

__all__ = ["MEDIA_TYPES", "TIMED", "formatted", "stream_events", "translated"]

MEDIA_TYPES: dict[TranscriptionFormat, str] = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "verbose_json": "application/json",
    "vtt": "text/vtt; charset=utf-8",
    "diarized_json": "application/json",
}

TIMED = frozenset({"srt", "vtt", "verbose_json"})
"""Formats that tell when something was said."""

_FRAMES_PER_S = 100
"""In which ``seek`` counts: Whisper's frames of 10 ms."""


def formatted(transcript: FileTranscript, wanted: TranscriptionForm, info: EngineInfo) -> bytes:
    """Return the body of an answer.

    Args:
        transcript: All that was heard.
        wanted: What was asked for.
        info: The transcriber's.
    """
    match wanted.response_format:
        case "json":
            return encode(
                Transcription(
                    text=transcript.text,
                    languages=_languages(transcript),
                    logprobs=tuple(transcript.logprobs) if wanted.include else UNSET,
                    usage=_usage(transcript),
                )
            )
        case "verbose_json":
            return encode(_verbose(transcript, wanted, info))
        case "diarized_json":
            segments = (_diarized(number, turn) for number, turn in enumerate(transcript.turns))
            return encode(
                DiarizedTranscription(
                    duration=round(transcript.duration_s, 3),
                    text=transcript.text,
                    segments=tuple(segments),
                    usage=_usage(transcript),
                )
            )
        case "text" | "srt" | "vtt":
            return _plain(transcript, wanted.response_format)


def translated(transcript: FileTranscript, wanted: TranslationForm) -> bytes:
    """Return the body of an answer that is a translation; arguments as for :func:`formatted`."""
    match wanted.response_format:
        case "json":
            return encode(Translation(text=transcript.text))
        case "verbose_json":
            return encode(
                VerboseTranslation(
                    duration=round(transcript.duration_s, 3),
                    text=transcript.text,
                    segments=_segments(transcript, wanted.temperature),
                )
            )
        case "text" | "srt" | "vtt":
            return _plain(transcript, wanted.response_format)


async def stream_events(
    work: FileTranscription, wanted: TranscriptionForm, text_tokens: Callable[[str], int]
) -> AsyncGenerator[TranscriptionStreamEvent, None]:
    """Yield the events of a transcription that is streamed, the last of which has all of it.

    Args:
        work: Finds the words out.
        wanted: What was asked for.
        text_tokens: Counts the tokens of a text.
    """
    async with aclosing(work.listen()) as heard:
        async for event in heard:
            match event:
                case WordsHeard(text=text, logprobs=logprobs):
                    shown = logprobs if wanted.include else UNSET
                    yield TextDelta(delta=text, logprobs=shown)
                case SpeakerHeard(number=number, turn=turn):
                    if wanted.response_format == "diarized_json":
                        yield _diarized(number, turn)
    transcript = work.transcript
    yield TextDone(
        text=transcript.text,
        languages=_languages(transcript),
        logprobs=tuple(transcript.logprobs) if wanted.include else UNSET,
        usage=_token_usage(transcript, text_tokens(transcript.text)),
    )


def _plain(transcript: FileTranscript, plain: Literal["text", "srt", "vtt"]) -> bytes:
    match plain:
        case "text":
            return f"{transcript.text}\n".encode()
        case "srt":
            return as_srt(transcript.passages).encode()
        case "vtt":
            return as_vtt(transcript.passages).encode()


def _verbose(
    transcript: FileTranscript, wanted: TranscriptionForm, info: EngineInfo
) -> VerboseTranscription:
    granularities = wanted.timestamp_granularities or ("segment",)
    words = (
        VerboseWord(word=one.text, start=round(one.start_s, 3), end=round(one.end_s, 3))
        for one in transcript.words
    )
    return VerboseTranscription(
        language=_language(transcript, wanted, info),
        duration=round(transcript.duration_s, 3),
        text=transcript.text,
        words=tuple(words) if "word" in granularities else UNSET,
        segments=_segments(transcript, wanted.temperature) if "segment" in granularities else UNSET,
        usage=_usage(transcript),
    )


def _segments(transcript: FileTranscript, temperature: float) -> tuple[VerboseSegment, ...]:
    return tuple(
        _segment(number, passage, temperature) for number, passage in enumerate(transcript.passages)
    )


def _segment(number: int, passage: Passage, temperature: float) -> VerboseSegment:
    logprobs = [one.logprob for one in passage.logprobs]
    text = passage.text.encode()
    return VerboseSegment(
        id=number,
        seek=round(passage.start_s * _FRAMES_PER_S),
        start=round(passage.start_s, 3),
        end=round(passage.end_s, 3),
        text=passage.text,
        temperature=temperature,
        avg_logprob=sum(logprobs) / len(logprobs) if logprobs else 0.0,
        compression_ratio=len(text) / len(zlib.compress(text)),
    )


def _diarized(number: int, turn: SpeakerTurn) -> DiarizedSegment:
    return DiarizedSegment(
        id=f"seg_{number:03}",
        start=round(turn.start_s, 3),
        end=round(turn.end_s, 3),
        text=turn.text,
        speaker=turn.speaker,
    )


def _usage(transcript: FileTranscript) -> TranscriptionDurationUsage:
    return TranscriptionDurationUsage(seconds=round(transcript.duration_s, 3))


def _token_usage(transcript: FileTranscript, text_tokens: int) -> TranscriptionTokenUsage:
    heard_tokens = audio_tokens(transcript.duration_s * 1000, INPUT_AUDIO_TOKENS_PER_S)
    return TranscriptionTokenUsage(
        total_tokens=heard_tokens + text_tokens,
        input_tokens=heard_tokens,
        input_token_details=TranscriptionInputTokenDetails(
            text_tokens=0, audio_tokens=heard_tokens
        ),
        output_tokens=text_tokens,
    )


def _languages(transcript: FileTranscript) -> tuple[TranscriptionLanguage, ...] | UnsetType:
    found = tuple(TranscriptionLanguage(code=code) for code in transcript.languages)
    return found or UNSET


def _language(transcript: FileTranscript, wanted: TranscriptionForm, info: EngineInfo) -> str:
    """Return what is spoken, as the hosted service words it: ``english``."""
    only = info.languages if len(info.languages) == 1 else ()
    asked = (wanted.language,) if wanted.language else ()
    codes = (*transcript.languages, *asked, *only)
    return language_name(codes[0]).lower() if codes else "unknown"
