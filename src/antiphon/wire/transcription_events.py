"""Events about the transcription of the user's speech.

They come whenever the transcriber is ready: match them to items by ``item_id``.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.wire.event_bases import ItemEventBase
from antiphon.wire.fields import (
    ContentIndex,
    Obfuscation,
    TokenCount,
)

__all__ = [
    "ConversationItemInputAudioTranscriptionCompleted",
    "ConversationItemInputAudioTranscriptionDelta",
    "ConversationItemInputAudioTranscriptionFailed",
    "ConversationItemInputAudioTranscriptionSegment",
    "LogProb",
    "TranscriptionDurationUsage",
    "TranscriptionError",
    "TranscriptionInputTokenDetails",
    "TranscriptionLanguage",
    "TranscriptionTokenUsage",
    "TranscriptionUsage",
]


class LogProb(Struct, frozen=True, kw_only=True):
    """How sure the transcriber is of one token."""

    token: Annotated[str, Meta(description="The token.")]
    logprob: Annotated[float, Meta(description="Natural logarithm of its probability.")]
    bytes: Annotated[tuple[int, ...], Meta(description="The token's UTF-8 bytes.")]


class TranscriptionInputTokenDetails(Struct, frozen=True, kw_only=True):
    """Input tokens of a transcription by kind."""

    text_tokens: Annotated[TokenCount, Meta(description="Tokens of text.")]
    audio_tokens: Annotated[TokenCount, Meta(description="Tokens of audio.")]


class TranscriptionTokenUsage(Struct, frozen=True, kw_only=True, tag_field="type", tag="tokens"):
    """What a transcription cost, in tokens."""

    total_tokens: Annotated[TokenCount, Meta(description="Input and output together.")]
    input_tokens: Annotated[TokenCount, Meta(description="Tokens read.")]
    input_token_details: Annotated[
        TranscriptionInputTokenDetails | UnsetType, Meta(description="Input tokens by kind.")
    ] = UNSET
    output_tokens: Annotated[TokenCount, Meta(description="Tokens written.")]


class TranscriptionDurationUsage(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="duration"
):
    """What a transcription cost, in seconds of audio."""

    seconds: Annotated[float, Meta(ge=0, description="Length of the audio.")]


TranscriptionUsage: TypeAlias = TranscriptionTokenUsage | TranscriptionDurationUsage


class TranscriptionLanguage(Struct, frozen=True, kw_only=True):
    """A language that was heard."""

    code: Annotated[str, Meta(description="ISO 639-1 code.")]


class TranscriptionError(Struct, frozen=True, kw_only=True):
    """Why a transcription failed."""

    type: Annotated[str, Meta(description="Class of the error, such as `server_error`.")]
    code: Annotated[str | None, Meta(description="What kind of error; null if it has no code.")]
    message: Annotated[str, Meta(description="What happened.")]
    param: Annotated[
        str | UnsetType, Meta(description="The field at fault; absent if it is none.")
    ] = UNSET


_LogProbs = Annotated[
    tuple[LogProb, ...] | UnsetType | None,
    Meta(description="How sure the transcriber is; only if the session's `include` asks for it."),
]


class _AboutSpeech(ItemEventBase, frozen=True, kw_only=True):
    content_index: ContentIndex


class ConversationItemInputAudioTranscriptionDelta(
    _AboutSpeech,
    frozen=True,
    kw_only=True,
    tag="conversation.item.input_audio_transcription.delta",
):
    """More of what the user said."""

    delta: Annotated[str, Meta(description="The next piece of text.")]
    logprobs: _LogProbs = UNSET
    obfuscation: Obfuscation = UNSET


class ConversationItemInputAudioTranscriptionCompleted(
    _AboutSpeech,
    frozen=True,
    kw_only=True,
    tag="conversation.item.input_audio_transcription.completed",
):
    """All of what the user said."""

    transcript: Annotated[str, Meta(description="The whole text.")]
    usage: Annotated[TranscriptionUsage, Meta(description="What it cost.")]
    logprobs: _LogProbs = UNSET
    languages: Annotated[
        tuple[TranscriptionLanguage, ...] | UnsetType | None,
        Meta(description="Languages that were heard."),
    ] = UNSET


class ConversationItemInputAudioTranscriptionFailed(
    _AboutSpeech,
    frozen=True,
    kw_only=True,
    tag="conversation.item.input_audio_transcription.failed",
):
    """What the user said could not be transcribed."""

    error: Annotated[TranscriptionError, Meta(description="What went wrong.")]


class ConversationItemInputAudioTranscriptionSegment(
    _AboutSpeech,
    frozen=True,
    kw_only=True,
    tag="conversation.item.input_audio_transcription.segment",
):
    """What one speaker said, where speakers are told apart."""

    id: Annotated[str, Meta(description="Unique id of the segment.")]
    speaker: Annotated[str, Meta(description="Label of the speaker.")]
    start: Annotated[float, Meta(ge=0, description="Where it begins, in seconds of the item.")]
    end: Annotated[float, Meta(ge=0, description="Where it ends, in seconds of the item.")]
    text: Annotated[str, Meta(description="What was said.")]
