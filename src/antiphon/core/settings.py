"""The session's settings: how an update changes them, and what one response makes of them.

An update is a patch (protocol: absent leaves as it is, ``null`` switches off, ``""`` resets the
instructions). It is applied as a whole or not at all. ``turn_detection`` is the exception to
merging: its kinds have different fields, so a given one replaces the old one, defaults filled in.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import replace

from antiphon.core.plan import Plan, ToolPolicy
from antiphon.core.response import ResponseSettings
from antiphon.errors import RequestError
from antiphon.wire.audio_config import (
    AudioInputUpdate,
    AudioOutputUpdate,
    AudioTranscription,
    AudioTranscriptionUpdate,
    NoiseReductionUpdate,
    SemanticVad,
    Voice,
)
from antiphon.wire.response import (
    RealtimeResponseAudio,
    RealtimeResponseAudioOutput,
    ResponseCreateParams,
)
from antiphon.wire.session import (
    RealtimeSession,
    RealtimeSessionUpdate,
    RetentionRatio,
    SessionAudioUpdate,
    TranscriptionAudioUpdate,
    TranscriptionSession,
    TranscriptionSessionUpdate,
)
from antiphon.wire.tools import (
    FunctionTool,
    FunctionToolChoice,
    McpTool,
    McpToolChoice,
    Tool,
    ToolChoice,
)

__all__ = [
    "DEFAULT_TRANSCRIPTION_MODEL",
    "Resolved",
    "not_built",
    "resolve",
    "transcription_updated",
    "updated",
]

DEFAULT_TRANSCRIPTION_MODEL = "default"
"""Reported where a client switches transcription on without naming a model."""

_PATCHES = (
    SessionAudioUpdate,
    TranscriptionAudioUpdate,
    AudioInputUpdate,
    AudioOutputUpdate,
    AudioTranscriptionUpdate,
    NoiseReductionUpdate,
)

S = TypeVar("S", bound=Struct)


def not_built(what: str, param: str | None, remedy: str) -> RequestError:
    """Return the refusal of something that the protocol knows and this server does not yet do."""
    message = f"{what} is not built yet. {remedy}"
    return RequestError(message, code="not_implemented", param=param)


# --- session.update -------------------------------------------------------------------------------


def updated(
    current: RealtimeSession,
    update: RealtimeSessionUpdate,
    *,
    default_instructions: str,
    voices: tuple[str, ...],
    voice_is_fixed: bool,
) -> RealtimeSession:
    """Return the session's settings after an update.

    Args:
        current: Settings now; left as they are.
        update: The patch. A ``model`` in it changes nothing, as with the hosted service.
        default_instructions: What ``instructions: ""`` resets to.
        voices: Names that may be asked for.
        voice_is_fixed: Whether the assistant has spoken in this session.

    Raises:
        RequestError: Something in the patch cannot be done.
    """
    _refuse_unbuilt(update)
    merged = _merge(current, replace(update, model=UNSET))
    if not merged.instructions:
        merged = replace(merged, instructions=default_instructions)
    voice = merged.audio.output.voice
    if voice != current.audio.output.voice:
        if voice_is_fixed:
            message = "Cannot update a conversation's voice if assistant audio is present."
            raise RequestError(message, code="cannot_update_voice")
        _check_voice(voice, voices, "session.audio.output.voice")
    _tool_policy(merged.tool_choice, merged.tools, "session.tool_choice")
    return merged


def _merge(current: S, patch: Struct) -> S:
    changes: dict[str, Any] = {}
    for name in patch.__struct_fields__:
        value = getattr(patch, name)
        if value is UNSET:
            continue
        if isinstance(value, _PATCHES):
            before = getattr(current, name)
            if before is None:
                before = AudioTranscription(model=DEFAULT_TRANSCRIPTION_MODEL)
            value = _merge(before, value)
        changes[name] = value
    return replace(current, **changes)


def transcription_updated(
    current: TranscriptionSession, update: TranscriptionSessionUpdate
) -> TranscriptionSession:
    """Return a transcription session's settings after an update.

    Raises:
        RequestError: Something in the patch cannot be done.
    """
    _refuse_unbuilt_input(update)
    return _merge(current, update)


def _refuse_unbuilt(update: RealtimeSessionUpdate) -> None:
    _refuse_mcp(update.tools or (), "session.tools")
    if update.prompt:
        raise not_built("Stored prompts", "session.prompt", "Send 'instructions' instead.")
    if isinstance(update.truncation, RetentionRatio):
        remedy = "Use 'auto' or 'disabled'."
        raise not_built("Truncation by retention ratio", "session.truncation", remedy)
    _refuse_unbuilt_input(update)


def _refuse_unbuilt_input(update: RealtimeSessionUpdate | TranscriptionSessionUpdate) -> None:
    if update.include:
        remedy = "Leave it out or set it to null."
        raise not_built("Log probabilities of transcripts", "session.include", remedy)
    if not update.audio or not update.audio.input:
        return
    heard = update.audio.input
    if heard.noise_reduction:
        param = "session.audio.input.noise_reduction"
        raise not_built("Noise reduction", param, "Leave it out or set it to null.")
    if isinstance(heard.turn_detection, SemanticVad):
        param = "session.audio.input.turn_detection"
        remedy = "Use 'server_vad', or null and commit turns yourself."
        raise not_built("Turn detection of type 'semantic_vad'", param, remedy)


def _refuse_mcp(tools: tuple[Tool, ...], param: str) -> None:
    for index, tool in enumerate(tools):
        if isinstance(tool, McpTool):
            remedy = "Offer the tools as functions and call the MCP server from the client."
            raise not_built("Calling MCP servers", f"{param}[{index}]", remedy)


def _check_voice(voice: Voice, voices: tuple[str, ...], param: str) -> None:
    if _voice_name(voice) not in voices:
        supported = ", ".join(f"'{name}'" for name in voices)
        message = f"Invalid value: '{_voice_name(voice)}'. Supported values are: {supported}."
        raise RequestError(message, code="invalid_value", param=param)


def _voice_name(voice: Voice) -> str:
    return voice if isinstance(voice, str) else voice.id


def _tool_policy(
    choice: ToolChoice, tools: tuple[Tool, ...], param: str
) -> tuple[ToolPolicy, str | None]:
    if isinstance(choice, str):
        return choice, None
    if isinstance(choice, McpToolChoice):
        raise not_built("Calling MCP servers", param, "Choose one of the functions.")
    assert isinstance(choice, FunctionToolChoice)
    names = [tool.name for tool in tools if isinstance(tool, FunctionTool)]
    if choice.name not in names:
        known = ", ".join(f"'{name}'" for name in names) or "none"
        message = f"Tool choice '{choice.name}' is not one of the tools: {known}."
        raise RequestError(message, code="invalid_value", param=f"{param}.name")
    return "required", choice.name


# --- response.create ------------------------------------------------------------------------------


class Resolved(NamedTuple):
    """What a response is to be.

    Attributes:
        settings: What the client reads back in every frame of the whole response.
        plan: What the engines work by; its id and messages are still to be filled in.
    """

    settings: ResponseSettings
    plan: Plan


def resolve(
    session: RealtimeSession, params: ResponseCreateParams, voices: tuple[str, ...]
) -> Resolved:
    """Lay the parameters of one response over the session's settings.

    Raises:
        RequestError: A parameter asks for something that cannot be done.
    """
    if params.prompt:
        raise not_built("Stored prompts", "response.prompt", "Send 'instructions' instead.")
    tools = session.tools if params.tools is UNSET else params.tools
    _refuse_mcp(tools, "response.tools")
    choice = session.tool_choice if params.tool_choice is UNSET else params.tool_choice
    policy, forced_tool = _tool_policy(choice, tools, "response.tool_choice")
    modality = (params.output_modalities or session.output_modalities)[0]
    limit = params.max_output_tokens or session.max_output_tokens
    output = params.audio.output if params.audio and params.audio.output else UNSET
    voice = (output.voice if output else UNSET) or session.audio.output.voice
    _check_voice(voice, voices, "response.audio.output.voice")
    audio_format = (output.format if output else UNSET) or session.audio.output.format
    reasoning = params.reasoning or session.reasoning
    parallel = (
        session.parallel_tool_calls
        if params.parallel_tool_calls is UNSET
        else params.parallel_tool_calls
    )
    settings = ResponseSettings(
        modality=modality,
        max_output_tokens=limit,
        audio=RealtimeResponseAudio(
            output=RealtimeResponseAudioOutput(format=audio_format, voice=_voice_name(voice))
        ),
        metadata=params.metadata or None,
    )
    plan = Plan(
        response_id="",
        model=session.model,
        modality=modality,
        instructions=params.instructions or session.instructions,
        messages=(),
        tools=tuple(tool for tool in tools if isinstance(tool, FunctionTool)),
        tool_policy=policy,
        forced_tool=forced_tool,
        parallel_tool_calls=None if parallel is UNSET else parallel,
        reasoning_effort=(reasoning.effort or None) if reasoning else None,
        max_output_tokens=None if limit == "inf" else limit,
        voice=_voice_name(voice),
        speed=session.audio.output.speed,
        output_format=audio_format,
    )
    return Resolved(settings, plan)
