"""The session's settings: how an update changes them, and what one response makes of them.

An update is a patch (protocol: absent leaves as it is, ``null`` switches off, ``""`` resets the
instructions). It is applied as a whole or not at all. ``turn_detection`` is the exception to
merging: its kinds have different fields, so a given one replaces the old one, defaults filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import replace

from antiphon.core.abilities import Abilities, voice_name
from antiphon.core.mcp.offer import ListedTools, OfferedTool, nothing_listed
from antiphon.core.plan import Plan
from antiphon.core.prompts import instructions_after, instructions_of
from antiphon.core.response import ResponseSettings
from antiphon.core.tool_choice import check_tools, resolve_tools
from antiphon.errors import RequestError
from antiphon.wire.audio_config import (
    AudioInputUpdate,
    AudioOutputUpdate,
    AudioTranscription,
    AudioTranscriptionUpdate,
    NoiseReduction,
    NoiseReductionUpdate,
)
from antiphon.wire.response import (
    RealtimeResponseAudio,
    RealtimeResponseAudioOutput,
    ResponseCreateParams,
)
from antiphon.wire.session import (
    RealtimeSession,
    RealtimeSessionUpdate,
    SessionAudioUpdate,
    TranscriptionAudioUpdate,
    TranscriptionSession,
    TranscriptionSessionUpdate,
)

__all__ = [
    "DEFAULT_STRENGTH",
    "DEFAULT_TRANSCRIPTION_MODEL",
    "Resolved",
    "not_built",
    "resolve",
    "transcription_updated",
    "updated",
]

DEFAULT_TRANSCRIPTION_MODEL = "default"
"""Reported where a client switches transcription on without naming a model."""

DEFAULT_STRENGTH = 1.0
"""Of noise reduction that is switched on without saying how strong; the hosted service's rule."""

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
    abilities: Abilities,
    voice_is_fixed: bool,
) -> RealtimeSession:
    """Return the session's settings after an update.

    Args:
        current: Settings now; left as they are.
        update: The patch. A ``model`` in it changes nothing, as with the hosted service.
        default_instructions: What ``instructions: ""`` resets to.
        abilities: What may be asked for.
        voice_is_fixed: Whether the assistant has spoken in this session.

    Raises:
        RequestError: Something in the patch cannot be done.
    """
    instructions = instructions_after(current, update, default_instructions, abilities.prompts)
    merged = _merge(current, replace(update, model=UNSET, instructions=instructions))
    if merged.reasoning is None:
        merged = replace(merged, reasoning=UNSET)
    if current.tracing is not None and merged.tracing != current.tracing:
        message = "Tracing is on for this session and can no longer be changed."
        raise RequestError(message, code="invalid_value", param="session.tracing")
    _check_hearing(merged, abilities)
    voice = merged.audio.output.voice
    if voice_name(voice) != voice_name(current.audio.output.voice):
        if voice_is_fixed:
            message = "Cannot update a conversation's voice if assistant audio is present."
            raise RequestError(message, code="cannot_update_voice")
        abilities.require_voice(voice, "session.audio.output.voice")
    check_tools(merged.tools, merged.tool_choice, "session")
    return merged


def _merge(current: S, patch: Struct) -> S:
    changes: dict[str, Any] = {}
    for name in patch.__struct_fields__:
        value = getattr(patch, name)
        if value is UNSET:
            continue
        if isinstance(value, _PATCHES):
            before = getattr(current, name)
            value = _merge(_switched_on(value) if before is None else before, value)
        changes[name] = value
    return replace(current, **changes)


def _switched_on(update: Struct) -> Struct:
    """Return what a stage is that was off, before an update is applied to it.

    Raises:
        RequestError: ``missing_required_parameter``: the update does not say enough.
    """
    if not isinstance(update, NoiseReductionUpdate):
        return AudioTranscription(model=DEFAULT_TRANSCRIPTION_MODEL)
    if update.type is UNSET:
        param = "session.audio.input.noise_reduction.type"
        message = f"Missing required parameter: '{param}'. Noise reduction was off."
        raise RequestError(message, code="missing_required_parameter", param=param)
    return NoiseReduction(type=update.type, strength=DEFAULT_STRENGTH)


def transcription_updated(
    current: TranscriptionSession, update: TranscriptionSessionUpdate, *, abilities: Abilities
) -> TranscriptionSession:
    """Return a transcription session's settings after an update.

    Args:
        current: Settings now; left as they are.
        update: The patch.
        abilities: What may be asked for.

    Raises:
        RequestError: Something in the patch cannot be done.
    """
    merged = _merge(current, update)
    _check_hearing(merged, abilities)
    return merged


def _check_hearing(session: RealtimeSession | TranscriptionSession, abilities: Abilities) -> None:
    """Refuse what the transcriber cannot do."""
    if session.include:
        abilities.require_logprobs("session.include")
    if session.audio.input.transcription is not None:
        param = "session.audio.input.transcription"
        abilities.require_languages(session.audio.input.transcription, param)


# --- response.create ------------------------------------------------------------------------------


class Resolved(NamedTuple):
    """What a response is to be.

    Attributes:
        settings: What the client reads back in every frame of the whole response.
        plan: What the engines work by; its id and messages are still to be filled in.
        mcp_tools: Which of the plan's tools are those of MCP servers, by name.
    """

    settings: ResponseSettings
    plan: Plan
    mcp_tools: Mapping[str, OfferedTool]


def resolve(
    session: RealtimeSession,
    params: ResponseCreateParams,
    abilities: Abilities,
    listed: ListedTools = nothing_listed,
) -> Resolved:
    """Lay the parameters of one response over the session's settings.

    Args:
        session: The session's settings.
        params: Those of the response.
        abilities: What may be asked for.
        listed: Which tools the MCP servers are known to have.

    Raises:
        RequestError: A parameter asks for something that cannot be done.
    """
    prompted = (
        instructions_of(params.prompt, abilities.prompts, "response.prompt")
        if params.prompt
        else session.instructions
    )
    tools = resolve_tools(session, params, listed)
    modality = (params.output_modalities or session.output_modalities)[0]
    limit = params.max_output_tokens or session.max_output_tokens
    output = params.audio.output if params.audio and params.audio.output else UNSET
    voice = (output.voice if output else UNSET) or session.audio.output.voice
    abilities.require_voice(voice, "response.audio.output.voice")
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
            output=RealtimeResponseAudioOutput(format=audio_format, voice=voice_name(voice))
        ),
        metadata=params.metadata or None,
    )
    plan = Plan(
        response_id="",
        model=session.model,
        modality=modality,
        instructions=params.instructions or prompted,
        messages=(),
        tools=tools.functions,
        tool_policy=tools.policy,
        forced_tool=tools.forced,
        parallel_tool_calls=None if parallel is UNSET else parallel,
        reasoning_effort=(reasoning.effort or None) if reasoning else None,
        max_output_tokens=None if limit == "inf" else limit,
        voice=voice_name(voice),
        speed=session.audio.output.speed,
        output_format=audio_format,
    )
    return Resolved(settings, plan, tools.mcp_tools)
