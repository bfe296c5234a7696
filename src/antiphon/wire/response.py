"""The response object, and the parameters with which a client asks for one."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.wire.audio_config import AudioFormat, Voice
from antiphon.wire.fields import (
    MaxOutputTokens,
    Metadata,
    OutputModalities,
    TokenCount,
)
from antiphon.wire.items import (
    Item,
    ItemReference,
    RealtimeConversationItem,
    refuse_assistant_audio,
)
from antiphon.wire.session import Prompt, Reasoning, Tool, ToolChoice
from antiphon.wire.sizes import (
    MAX_INPUT_ITEMS,
    MAX_INSTRUCTIONS_CHARS,
    MAX_SETTINGS_BYTES,
    MAX_TOOLS,
    refuse_oversized,
)

__all__ = [
    "CachedTokensDetails",
    "InputTokenDetails",
    "OutputTokenDetails",
    "RealtimeResponse",
    "RealtimeResponseAudio",
    "RealtimeResponseAudioOutput",
    "RealtimeResponseError",
    "RealtimeResponseStatus",
    "RealtimeResponseUsage",
    "ResponseAudioOutputParams",
    "ResponseAudioParams",
    "ResponseCreateParams",
    "ResponseStatus",
    "StatusReason",
]

ResponseStatus = Literal["in_progress", "completed", "cancelled", "failed", "incomplete"]

StatusReason = Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"]

_TextTokens = Annotated[TokenCount, Meta(description="Tokens of text.")]
_AudioTokens = Annotated[TokenCount, Meta(description="Tokens of audio.")]
_ImageTokens = Annotated[TokenCount, Meta(description="Tokens of images.")]


class CachedTokensDetails(Struct, frozen=True, kw_only=True):
    """Cached input tokens by kind."""

    text_tokens: _TextTokens = 0
    audio_tokens: _AudioTokens = 0
    image_tokens: _ImageTokens = 0


class InputTokenDetails(Struct, frozen=True, kw_only=True):
    """Input tokens by kind; cached tokens are counted in their kind as well."""

    text_tokens: _TextTokens = 0
    audio_tokens: _AudioTokens = 0
    image_tokens: _ImageTokens = 0
    cached_tokens: Annotated[
        TokenCount, Meta(description="Tokens known from an earlier response.")
    ] = 0
    cached_tokens_details: Annotated[
        CachedTokensDetails, Meta(description="Cached tokens by kind.")
    ] = CachedTokensDetails()


class OutputTokenDetails(Struct, frozen=True, kw_only=True):
    """Output tokens by kind."""

    text_tokens: _TextTokens = 0
    audio_tokens: _AudioTokens = 0


class RealtimeResponseUsage(Struct, frozen=True, kw_only=True):
    """What a response consumed and produced, in tokens."""

    total_tokens: Annotated[TokenCount, Meta(description="Input and output tokens together.")] = 0
    input_tokens: Annotated[
        TokenCount, Meta(description="Tokens of the context the model read.")
    ] = 0
    output_tokens: Annotated[TokenCount, Meta(description="Tokens the model wrote or spoke.")] = 0
    input_token_details: Annotated[InputTokenDetails, Meta(description="Input tokens by kind.")] = (
        InputTokenDetails()
    )
    output_token_details: Annotated[
        OutputTokenDetails, Meta(description="Output tokens by kind.")
    ] = OutputTokenDetails()


class RealtimeResponseError(Struct, frozen=True, kw_only=True):
    """Why a response failed."""

    type: Annotated[str, Meta(description="Class of the error, such as `server_error`.")]
    code: Annotated[str | None, Meta(description="What kind of error; null if it has no code.")]
    message: Annotated[str, Meta(description="What happened.")]


class RealtimeResponseStatus(Struct, frozen=True, kw_only=True):
    """Why a response ended as it did."""

    type: Annotated[
        Literal["completed", "cancelled", "failed", "incomplete"],
        Meta(description="The response's status again."),
    ]
    reason: Annotated[
        StatusReason | UnsetType,
        Meta(
            description="`turn_detected` or `client_cancelled` if cancelled, `max_output_tokens` "
            "or `content_filter` if incomplete."
        ),
    ] = UNSET
    error: Annotated[
        RealtimeResponseError | UnsetType, Meta(description="What went wrong, if failed.")
    ] = UNSET


class RealtimeResponseAudioOutput(Struct, frozen=True, kw_only=True):
    """The audio settings a response was made with."""

    format: Annotated[AudioFormat, Meta(description="Format of the audio.")]
    voice: Annotated[str, Meta(description="Name of the voice.")]


class RealtimeResponseAudio(Struct, frozen=True, kw_only=True):
    """Audio of a response."""

    output: Annotated[RealtimeResponseAudioOutput, Meta(description="What the assistant says.")]


class RealtimeResponse(Struct, frozen=True, kw_only=True):
    """One answer of the model: what was asked for, what came of it, and what it cost.

    It opens with ``response.created`` (``in_progress``, no output, no usage) and closes with
    ``response.done``. Every key is always present.
    """

    object: Annotated[Literal["realtime.response"], Meta(description="The kind of object.")] = (
        "realtime.response"
    )
    id: Annotated[str, Meta(description="Unique id of the response.")]
    status: Annotated[
        ResponseStatus, Meta(description="Where it stands; all but `in_progress` are final.")
    ]
    status_details: Annotated[
        RealtimeResponseStatus | None,
        Meta(description="Why it ended; null while in progress and when completed."),
    ]
    output: Annotated[
        tuple[RealtimeConversationItem, ...],
        Meta(description="The items it produced, in order, without audio bytes."),
    ]
    conversation_id: Annotated[
        str | None,
        Meta(description="The conversation its items belong to; null if it is out of band."),
    ]
    output_modalities: OutputModalities
    max_output_tokens: MaxOutputTokens
    audio: Annotated[RealtimeResponseAudio, Meta(description="The audio settings it used.")]
    usage: Annotated[
        RealtimeResponseUsage | None, Meta(description="What it cost; null while in progress.")
    ]
    metadata: Metadata | None


class ResponseAudioOutputParams(Struct, frozen=True, kw_only=True):
    """How this one response is to sound."""

    format: Annotated[AudioFormat | UnsetType, Meta(description="Format of the audio.")] = UNSET
    voice: Annotated[Voice | UnsetType, Meta(description="The voice.")] = UNSET


class ResponseAudioParams(Struct, frozen=True, kw_only=True):
    """Audio settings for one response."""

    output: Annotated[
        ResponseAudioOutputParams | UnsetType, Meta(description="What the assistant says.")
    ] = UNSET


class ResponseCreateParams(Struct, frozen=True, kw_only=True):
    """Settings for one response; what is absent comes from the session.

    Raises:
        InvalidFieldError: The input holds a spoken assistant message: only the server speaks. Or
            the tools or the prompt are too large.
    """

    output_modalities: OutputModalities | UnsetType = UNSET
    instructions: Annotated[
        Annotated[str, Meta(max_length=MAX_INSTRUCTIONS_CHARS)] | UnsetType | None,
        Meta(description="Replace the session's instructions this once; null keeps them."),
    ] = UNSET
    audio: Annotated[ResponseAudioParams | UnsetType, Meta(description="Audio settings.")] = UNSET
    tools: Annotated[
        Annotated[tuple[Tool, ...], Meta(max_length=MAX_TOOLS)] | UnsetType,
        Meta(description="Replace the session's tools this once."),
    ] = UNSET
    tool_choice: Annotated[
        ToolChoice | UnsetType,
        Meta(description="Whether the model may, must not or must use a tool."),
    ] = UNSET
    parallel_tool_calls: Annotated[
        bool | UnsetType, Meta(description="Whether it may make several tool calls.")
    ] = UNSET
    reasoning: Annotated[
        Reasoning | UnsetType | None,
        Meta(description="How much the model thinks first; null is as absent."),
    ] = UNSET
    max_output_tokens: MaxOutputTokens | UnsetType = UNSET
    conversation: Annotated[
        Literal["auto", "none"] | UnsetType,
        Meta(description="`auto` adds the output to the conversation, `none` keeps it out."),
    ] = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    prompt: Annotated[
        Prompt | UnsetType | None,
        Meta(description="Instructions that the server's operator keeps."),
    ] = UNSET
    input: Annotated[
        Annotated[tuple[Item | ItemReference, ...], Meta(max_length=MAX_INPUT_ITEMS)]
        | UnsetType
        | None,
        Meta(
            description="What the model reads instead of the conversation; `[]` is nothing, "
            "null and absent are the conversation."
        ),
    ] = UNSET

    def __post_init__(self) -> None:
        for index, item in enumerate(self.input or ()):
            refuse_assistant_audio(item, f"input[{index}]")
        refuse_oversized(self.tools, "tools", MAX_SETTINGS_BYTES)
        refuse_oversized(self.prompt, "prompt", MAX_SETTINGS_BYTES)
