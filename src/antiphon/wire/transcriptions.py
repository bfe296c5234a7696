"""``POST /v1/audio/transcriptions``: the form that asks, and what is answered."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.wire.transcription_events import (
    LogProb,
    TranscriptionDurationUsage,
    TranscriptionLanguage,
    TranscriptionTokenUsage,
)

__all__ = [
    "DiarizedSegment",
    "DiarizedTranscription",
    "TextDelta",
    "TextDone",
    "Transcription",
    "TranscriptionForm",
    "TranscriptionFormat",
    "TranscriptionStreamEvent",
    "Translation",
    "TranslationForm",
    "TranslationFormat",
    "VadChunking",
    "VerboseSegment",
    "VerboseTranscription",
    "VerboseTranslation",
    "VerboseWord",
]

TranscriptionFormat: TypeAlias = Literal[
    "json", "text", "srt", "verbose_json", "vtt", "diarized_json"
]


TranslationFormat: TypeAlias = Literal["json", "text", "srt", "verbose_json", "vtt"]


class VadChunking(Struct, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """Where a file is cut: where nobody speaks."""

    threshold: Annotated[
        float, Meta(ge=0, le=1, description="Speech probability from which a sample is speech.")
    ] = 0.5
    prefix_padding_ms: Annotated[
        int, Meta(ge=0, le=5_000, description="Audio to include from before the detected speech.")
    ] = 300
    silence_duration_ms: Annotated[
        int, Meta(ge=0, description="Silence that ends a piece of the file.")
    ] = 200


class TranscriptionForm(Struct, frozen=True, kw_only=True):
    """The fields of the form, without ``file``."""

    model: Annotated[str | None, Meta(description="Name of the model; the default if absent.")] = (
        None
    )
    chunking_strategy: Annotated[
        Literal["auto"] | VadChunking | None, Meta(description="Where the file is cut.")
    ] = None
    include: Annotated[
        tuple[Literal["logprobs"], ...], Meta(description="What to tell beside the text.")
    ] = ()
    keywords: Annotated[tuple[str, ...], Meta(description="Words that are likely to occur.")] = ()
    known_speaker_names: Annotated[tuple[str, ...], Meta(description="Who may be speaking.")] = ()
    known_speaker_references: Annotated[
        tuple[str, ...], Meta(description="How they sound, as data URLs.")
    ] = ()
    language: Annotated[str | None, Meta(description="What is spoken, ISO 639-1.")] = None
    languages: Annotated[tuple[str, ...], Meta(description="What may be spoken, ISO 639-1.")] = ()
    prompt: Annotated[str | None, Meta(description="Text that steers the transcription.")] = None
    response_format: Annotated[
        TranscriptionFormat, Meta(description="What the answer is to be.")
    ] = "json"
    stream: Annotated[
        bool | None, Meta(description="Whether to tell the words as they are found.")
    ] = False
    temperature: Annotated[
        float, Meta(ge=0, le=1, description="Accepted; transcribers here take the likeliest words.")
    ] = 0.0
    timestamp_granularities: Annotated[
        tuple[Literal["word", "segment"], ...], Meta(description="What is to have times.")
    ] = ()


class Transcription(Struct, frozen=True, kw_only=True):
    """The answer to ``json``."""

    text: str
    languages: tuple[TranscriptionLanguage, ...] | UnsetType = UNSET
    logprobs: tuple[LogProb, ...] | UnsetType = UNSET
    usage: TranscriptionDurationUsage


class VerboseSegment(Struct, frozen=True, kw_only=True):
    """What was said between two pauses.

    Attributes:
        seek: Where it begins, in frames of 10 ms.
        tokens: Numbers of the tokens in a model's vocabulary, which engines do not tell.
        temperature: What the words were chosen with.
        avg_logprob: Mean log probability of the tokens; 0 if the engine does not tell.
        compression_ratio: Length of the text over that of the text compressed: repetition shows.
        no_speech_prob: 0: the voice detector heard speech.
    """

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: tuple[int, ...] = ()
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float = 0.0


class VerboseWord(Struct, frozen=True, kw_only=True):
    """When a word was said, in seconds; without the punctuation around it."""

    word: str
    start: float
    end: float


class VerboseTranscription(Struct, frozen=True, kw_only=True):
    """The answer to ``verbose_json``: with ``segments``, unless only ``words`` are asked for."""

    task: Literal["transcribe"] = "transcribe"
    language: str
    duration: float
    text: str
    words: tuple[VerboseWord, ...] | UnsetType = UNSET
    segments: tuple[VerboseSegment, ...] | UnsetType = UNSET
    usage: TranscriptionDurationUsage


class TranslationForm(Struct, frozen=True, kw_only=True):
    """The fields of ``POST /v1/audio/translations``, without ``file``."""

    model: Annotated[str | None, Meta(description="Name of the model; the default if absent.")] = (
        None
    )
    prompt: Annotated[str | None, Meta(description="Text that steers the translation.")] = None
    response_format: Annotated[TranslationFormat, Meta(description="What the answer is to be.")] = (
        "json"
    )
    temperature: Annotated[
        float, Meta(ge=0, le=1, description="Accepted; transcribers here take the likeliest words.")
    ] = 0.0


class Translation(Struct, frozen=True, kw_only=True):
    """The answer to ``json``: what was said, in English."""

    text: str


class VerboseTranslation(Struct, frozen=True, kw_only=True):
    """The answer to ``verbose_json``, when it is translated; ``language`` is that of the text."""

    task: Literal["translate"] = "translate"
    language: str = "english"
    duration: float
    text: str
    segments: tuple[VerboseSegment, ...]


class DiarizedSegment(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="transcript.text.segment"
):
    """What one speaker said; also the event that tells it."""

    id: str
    start: float
    end: float
    text: str
    speaker: str


class DiarizedTranscription(Struct, frozen=True, kw_only=True):
    """The answer to ``diarized_json``."""

    task: Literal["transcribe"] = "transcribe"
    duration: float
    text: str
    segments: tuple[DiarizedSegment, ...]
    usage: TranscriptionDurationUsage


class TextDelta(Struct, frozen=True, kw_only=True, tag_field="type", tag="transcript.text.delta"):
    """Event: more of the text."""

    delta: str
    logprobs: tuple[LogProb, ...] | UnsetType = UNSET


class TextDone(Struct, frozen=True, kw_only=True, tag_field="type", tag="transcript.text.done"):
    """Event: all of the text."""

    text: str
    languages: tuple[TranscriptionLanguage, ...] | UnsetType = UNSET
    logprobs: tuple[LogProb, ...] | UnsetType = UNSET
    usage: TranscriptionTokenUsage


TranscriptionStreamEvent: TypeAlias = TextDelta | DiarizedSegment | TextDone
