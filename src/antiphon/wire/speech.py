"""``POST /v1/audio/speech``: the body that asks, and the events of an answer in events."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from antiphon.wire.audio_config import Voice
from antiphon.wire.fields import TokenCount

__all__ = ["SpeechAudioDelta", "SpeechAudioDone", "SpeechBody", "SpeechFormat", "SpeechUsage"]

SpeechFormat: TypeAlias = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

MAX_INPUT_CHARS = 4096
"""As documented of the hosted service."""


class SpeechBody(Struct, frozen=True, kw_only=True):
    """What to say and how."""

    input: Annotated[
        str, Meta(min_length=1, max_length=MAX_INPUT_CHARS, description="The text to speak.")
    ]
    model: Annotated[str | None, Meta(description="Name of the model; the default if absent.")] = (
        None
    )
    voice: Annotated[Voice, Meta(description="The voice.")]
    instructions: Annotated[
        str | None, Meta(description="How to speak; synthesizers here have no use for it.")
    ] = None
    response_format: Annotated[SpeechFormat, Meta(description="What kind of file to make.")] = "mp3"
    speed: Annotated[float, Meta(ge=0.25, le=4.0, description="Speaking rate; 1.0 is natural.")] = (
        1.0
    )
    stream_format: Annotated[
        Literal["audio", "sse"], Meta(description="Bare bytes, or server-sent events.")
    ] = "audio"


class SpeechUsage(Struct, frozen=True, kw_only=True):
    """What speech cost, in tokens."""

    input_tokens: Annotated[TokenCount, Meta(description="Tokens of the text.")]
    output_tokens: Annotated[TokenCount, Meta(description="Tokens of the audio.")]
    total_tokens: Annotated[TokenCount, Meta(description="Both together.")]


class SpeechAudioDelta(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="speech.audio.delta"
):
    """Event: more of the file."""

    audio: Annotated[bytes, Meta(description="Its next bytes, as base64.")]


class SpeechAudioDone(Struct, frozen=True, kw_only=True, tag_field="type", tag="speech.audio.done"):
    """Event: the file is complete."""

    usage: Annotated[SpeechUsage, Meta(description="What it cost.")]
