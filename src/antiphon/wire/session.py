"""Session objects: effective, as the server reports them, and patches, as clients send them.

In a patch every field is absent (``UNSET``) by default and leaves the setting as it is. ``null``
is accepted only where it means something: it switches that stage off.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.wire.audio_config import (
    AudioFormat,
    AudioInput,
    AudioInputUpdate,
    AudioOutput,
    AudioOutputUpdate,
    AudioTranscription,
    AudioTranscriptionUpdate,
    CustomVoice,
    NoiseReduction,
    NoiseReductionUpdate,
    PcmaFormat,
    PcmFormat,
    PcmuFormat,
    SemanticVad,
    ServerVad,
    TurnDetection,
    Voice,
)
from antiphon.wire.fields import MaxOutputTokens, Modality, OutputModalities
from antiphon.wire.sizes import MAX_INSTRUCTIONS_CHARS, MAX_TOOLS
from antiphon.wire.tools import (
    FunctionTool,
    FunctionToolChoice,
    McpApprovalFilter,
    McpTool,
    McpToolChoice,
    McpToolFilter,
    Tool,
    ToolChoice,
)

__all__ = [
    "AudioFormat",
    "AudioInput",
    "AudioInputUpdate",
    "AudioOutput",
    "AudioOutputUpdate",
    "AudioTranscription",
    "AudioTranscriptionUpdate",
    "CustomVoice",
    "FunctionTool",
    "FunctionToolChoice",
    "Include",
    "McpApprovalFilter",
    "McpTool",
    "McpToolChoice",
    "McpToolFilter",
    "Modality",
    "NoiseReduction",
    "NoiseReductionUpdate",
    "PcmFormat",
    "PcmaFormat",
    "PcmuFormat",
    "Prompt",
    "RealtimeSession",
    "RealtimeSessionUpdate",
    "Reasoning",
    "ReasoningEffort",
    "RetentionRatio",
    "SemanticVad",
    "ServerVad",
    "Session",
    "SessionAudio",
    "SessionAudioUpdate",
    "SessionPatch",
    "TokenLimits",
    "Tool",
    "ToolChoice",
    "Tracing",
    "TracingConfig",
    "TranscriptionAudio",
    "TranscriptionAudioUpdate",
    "TranscriptionSession",
    "TranscriptionSessionUpdate",
    "Truncation",
    "TurnDetection",
    "Voice",
]

Include = Literal["item.input_audio_transcription.logprobs"]

ReasoningEffort = Literal["minimal", "low", "medium", "high", "xhigh"]


class Reasoning(Struct, frozen=True, kw_only=True):
    """How much the model thinks before it answers."""

    effort: Annotated[
        ReasoningEffort | UnsetType, Meta(description="More effort answers later and better.")
    ] = UNSET


class Prompt(Struct, frozen=True, kw_only=True):
    """Instructions that the server's operator keeps."""

    id: Annotated[str, Meta(description="Id of the stored prompt.")]
    version: Annotated[str | UnsetType | None, Meta(description="Version of the prompt.")] = UNSET
    variables: Annotated[
        dict[str, Any] | UnsetType | None, Meta(description="Values for the prompt's variables.")
    ] = UNSET


class TracingConfig(Struct, frozen=True, kw_only=True):
    """How a trace of the session is labelled."""

    workflow_name: Annotated[str | UnsetType, Meta(description="Name of the workflow.")] = UNSET
    group_id: Annotated[str | UnsetType, Meta(description="Id that groups traces together.")] = (
        UNSET
    )
    metadata: Annotated[
        dict[str, Any] | UnsetType, Meta(description="Anything to keep with the trace.")
    ] = UNSET


class TokenLimits(Struct, frozen=True, kw_only=True):
    """Limits to the context of a response."""

    post_instructions: Annotated[
        Annotated[int, Meta(ge=0)] | UnsetType,
        Meta(description="Most tokens of conversation after the instructions and tools."),
    ] = UNSET


class RetentionRatio(Struct, frozen=True, kw_only=True, tag_field="type", tag="retention_ratio"):
    """When the context is full, cut the oldest items down to a share of it."""

    retention_ratio: Annotated[
        float, Meta(ge=0, le=1, description="Share of the conversation's tokens to keep.")
    ]
    token_limits: Annotated[
        TokenLimits | UnsetType, Meta(description="Limits tighter than the model's own.")
    ] = UNSET


Truncation: TypeAlias = Literal["auto", "disabled"] | RetentionRatio
Tracing: TypeAlias = Literal["auto"] | TracingConfig

_ModelMeta = Meta(description="Name of the model that answers.")
_InstructionsMeta = Meta(description="How the model is to behave; told to it before all else.")
_Instructions = Annotated[str, Meta(max_length=MAX_INSTRUCTIONS_CHARS)]
_ToolsMeta = Meta(description="Tools the model may use.")
_Tools = Annotated[tuple[Tool, ...], Meta(max_length=MAX_TOOLS)]
_ToolChoiceMeta = Meta(description="Whether the model may, must not or must use a tool.")
_TracingMeta = Meta(description="How the session is traced; null for not at all.")
_TruncationMeta = Meta(description="What to do when the conversation outgrows the context.")
_PromptMeta = Meta(description="Instructions that the server's operator keeps; null for none.")
_AudioMeta = Meta(description="Audio settings.")
_IncludeMeta = Meta(description="Extra fields that server events are to carry.")
_SessionIdMeta = Meta(description="Unique id of the session.")
_ExpiresAtMeta = Meta(description="When the session ends, in seconds of the Unix clock.")
_ReasoningMeta = Meta(description="How much the model thinks before it answers.")
_ReasoningUpdateMeta = Meta(
    description="How much the model thinks before it answers; null for the model's own choice."
)
_ParallelMeta = Meta(description="Whether one response may make several tool calls.")


class SessionAudio(Struct, frozen=True, kw_only=True):
    """Both directions of a session's audio."""

    input: Annotated[AudioInput, Meta(description="What the user says.")]
    output: Annotated[AudioOutput, Meta(description="What the assistant says.")]


class SessionAudioUpdate(Struct, frozen=True, kw_only=True):
    """Changes to ``SessionAudio``."""

    input: Annotated[AudioInputUpdate | UnsetType, Meta(description="What the user says.")] = UNSET
    output: Annotated[
        AudioOutputUpdate | UnsetType, Meta(description="What the assistant says.")
    ] = UNSET


class TranscriptionAudio(Struct, frozen=True, kw_only=True):
    """Audio of a transcription session, which only listens."""

    input: Annotated[AudioInput, Meta(description="What the user says.")]


class TranscriptionAudioUpdate(Struct, frozen=True, kw_only=True):
    """Changes to ``TranscriptionAudio``."""

    input: Annotated[AudioInputUpdate | UnsetType, Meta(description="What the user says.")] = UNSET


class RealtimeSession(Struct, frozen=True, kw_only=True, tag_field="type", tag="realtime"):
    """A speech session as it stands, every setting filled in."""

    object: Annotated[Literal["realtime.session"], Meta(description="The kind of object.")] = (
        "realtime.session"
    )
    id: Annotated[str, _SessionIdMeta]
    model: Annotated[str, _ModelMeta]
    output_modalities: OutputModalities
    instructions: Annotated[str, _InstructionsMeta]
    tools: Annotated[tuple[Tool, ...], _ToolsMeta] = ()
    tool_choice: Annotated[ToolChoice, _ToolChoiceMeta] = "auto"
    max_output_tokens: MaxOutputTokens = "inf"
    tracing: Annotated[Tracing | None, _TracingMeta] = None
    truncation: Annotated[Truncation, _TruncationMeta] = "auto"
    prompt: Annotated[Prompt | None, _PromptMeta] = None
    expires_at: Annotated[int, _ExpiresAtMeta]
    audio: Annotated[SessionAudio, _AudioMeta]
    include: Annotated[tuple[Include, ...] | None, _IncludeMeta] = None
    reasoning: Annotated[Reasoning | UnsetType, _ReasoningMeta] = UNSET
    parallel_tool_calls: Annotated[bool | UnsetType, _ParallelMeta] = UNSET


class RealtimeSessionUpdate(Struct, frozen=True, kw_only=True, tag_field="type", tag="realtime"):
    """Settings for a speech session, or changes to them."""

    model: Annotated[str | UnsetType, _ModelMeta] = UNSET
    output_modalities: OutputModalities | UnsetType = UNSET
    instructions: Annotated[_Instructions | UnsetType, _InstructionsMeta] = UNSET
    tools: Annotated[_Tools | UnsetType, _ToolsMeta] = UNSET
    tool_choice: Annotated[ToolChoice | UnsetType, _ToolChoiceMeta] = UNSET
    max_output_tokens: MaxOutputTokens | UnsetType = UNSET
    tracing: Annotated[Tracing | UnsetType | None, _TracingMeta] = UNSET
    truncation: Annotated[Truncation | UnsetType, _TruncationMeta] = UNSET
    prompt: Annotated[Prompt | UnsetType | None, _PromptMeta] = UNSET
    audio: Annotated[SessionAudioUpdate | UnsetType, _AudioMeta] = UNSET
    include: Annotated[tuple[Include, ...] | UnsetType | None, _IncludeMeta] = UNSET
    reasoning: Annotated[Reasoning | UnsetType | None, _ReasoningUpdateMeta] = UNSET
    parallel_tool_calls: Annotated[bool | UnsetType, _ParallelMeta] = UNSET


class TranscriptionSession(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="transcription"
):
    """A transcription session as it stands, every setting filled in."""

    object: Annotated[
        Literal["realtime.transcription_session"], Meta(description="The kind of object.")
    ] = "realtime.transcription_session"
    id: Annotated[str, _SessionIdMeta]
    expires_at: Annotated[int, _ExpiresAtMeta]
    audio: Annotated[TranscriptionAudio, _AudioMeta]
    include: Annotated[tuple[Include, ...] | None, _IncludeMeta] = None


class TranscriptionSessionUpdate(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="transcription"
):
    """Settings for a transcription session, or changes to them."""

    audio: Annotated[TranscriptionAudioUpdate | UnsetType, _AudioMeta] = UNSET
    include: Annotated[tuple[Include, ...] | UnsetType | None, _IncludeMeta] = UNSET


Session: TypeAlias = RealtimeSession | TranscriptionSession
"""What ``session.created`` and ``session.updated`` carry."""

SessionPatch: TypeAlias = RealtimeSessionUpdate | TranscriptionSessionUpdate
"""What ``session.update`` and the REST calls carry."""
