"""The events that tell of a response, from ``response.created`` to ``response.done``."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta

from antiphon.wire.event_bases import ItemEventBase, ResponseEventBase, ServerEventBase
from antiphon.wire.fields import (
    AudioBytes,
    CallId,
    ContentIndex,
    ItemReferenceId,
    Obfuscation,
    OutputIndex,
)
from antiphon.wire.items import Item, Part
from antiphon.wire.response import RealtimeResponse

__all__ = [
    "ResponseContentPartAdded",
    "ResponseContentPartDone",
    "ResponseCreated",
    "ResponseDone",
    "ResponseFunctionCallArgumentsDelta",
    "ResponseFunctionCallArgumentsDone",
    "ResponseMcpCallArgumentsDelta",
    "ResponseMcpCallArgumentsDone",
    "ResponseMcpCallCompleted",
    "ResponseMcpCallFailed",
    "ResponseMcpCallInProgress",
    "ResponseOutputAudioDelta",
    "ResponseOutputAudioDone",
    "ResponseOutputAudioTranscriptDelta",
    "ResponseOutputAudioTranscriptDone",
    "ResponseOutputItemAdded",
    "ResponseOutputItemDone",
    "ResponseOutputTextDelta",
    "ResponseOutputTextDone",
]

_TextDelta = Annotated[str, Meta(description="The next piece of text.")]
_ArgumentsDelta = Annotated[str, Meta(description="The next piece of the arguments' JSON text.")]
_Arguments = Annotated[str, Meta(description="The whole arguments, a JSON text.")]


class ResponseCreated(ServerEventBase, frozen=True, kw_only=True, tag="response.created"):
    """A response has begun."""

    response: Annotated[RealtimeResponse, Meta(description="The response, still empty.")]


class ResponseDone(ServerEventBase, frozen=True, kw_only=True, tag="response.done"):
    """A response has ended, however it ended."""

    response: Annotated[RealtimeResponse, Meta(description="The response, final.")]


class _OutputItemEvent(ResponseEventBase, frozen=True, kw_only=True):
    output_index: OutputIndex
    item: Annotated[Item, Meta(description="The item.")]


class ResponseOutputItemAdded(
    _OutputItemEvent, frozen=True, kw_only=True, tag="response.output_item.added"
):
    """A response has begun an item."""


class ResponseOutputItemDone(
    _OutputItemEvent, frozen=True, kw_only=True, tag="response.output_item.done"
):
    """A response has finished an item."""


class _InItem(ResponseEventBase, frozen=True, kw_only=True):
    item_id: ItemReferenceId
    output_index: OutputIndex


class _InPart(_InItem, frozen=True, kw_only=True):
    content_index: ContentIndex


class ResponseContentPartAdded(
    _InPart, frozen=True, kw_only=True, tag="response.content_part.added"
):
    """A message has begun a part."""

    part: Annotated[Part, Meta(description="The part, still empty.")]


class ResponseContentPartDone(_InPart, frozen=True, kw_only=True, tag="response.content_part.done"):
    """A message has finished a part."""

    part: Annotated[Part, Meta(description="The part, whole.")]


class ResponseOutputTextDelta(_InPart, frozen=True, kw_only=True, tag="response.output_text.delta"):
    """More of a written answer."""

    delta: _TextDelta
    obfuscation: Obfuscation = UNSET


class ResponseOutputTextDone(_InPart, frozen=True, kw_only=True, tag="response.output_text.done"):
    """A written answer is whole."""

    text: Annotated[str, Meta(description="The whole text.")]


class ResponseOutputAudioDelta(
    _InPart, frozen=True, kw_only=True, tag="response.output_audio.delta"
):
    """More of a spoken answer."""

    delta: AudioBytes


class ResponseOutputAudioDone(_InPart, frozen=True, kw_only=True, tag="response.output_audio.done"):
    """A spoken answer is whole."""


class ResponseOutputAudioTranscriptDelta(
    _InPart, frozen=True, kw_only=True, tag="response.output_audio_transcript.delta"
):
    """More of the words of a spoken answer."""

    delta: _TextDelta
    obfuscation: Obfuscation = UNSET


class ResponseOutputAudioTranscriptDone(
    _InPart, frozen=True, kw_only=True, tag="response.output_audio_transcript.done"
):
    """The words of a spoken answer are whole."""

    transcript: Annotated[str, Meta(description="All words spoken.")]


class ResponseFunctionCallArgumentsDelta(
    _InItem, frozen=True, kw_only=True, tag="response.function_call_arguments.delta"
):
    """More of a function call's arguments."""

    call_id: CallId
    delta: _ArgumentsDelta
    obfuscation: Obfuscation = UNSET


class ResponseFunctionCallArgumentsDone(
    _InItem, frozen=True, kw_only=True, tag="response.function_call_arguments.done"
):
    """A function call's arguments are whole."""

    call_id: CallId
    name: Annotated[str, Meta(description="Name of the function to call.")]
    arguments: _Arguments


class ResponseMcpCallArgumentsDelta(
    _InItem, frozen=True, kw_only=True, tag="response.mcp_call_arguments.delta"
):
    """More of an MCP call's arguments."""

    delta: _ArgumentsDelta
    obfuscation: Obfuscation = UNSET


class ResponseMcpCallArgumentsDone(
    _InItem, frozen=True, kw_only=True, tag="response.mcp_call_arguments.done"
):
    """An MCP call's arguments are whole."""

    arguments: _Arguments


class _McpCallEvent(ItemEventBase, frozen=True, kw_only=True):
    # Without a response_id: the call may outlive the response that asked for it.
    output_index: OutputIndex


class ResponseMcpCallInProgress(
    _McpCallEvent, frozen=True, kw_only=True, tag="response.mcp_call.in_progress"
):
    """An MCP call is running."""


class ResponseMcpCallCompleted(
    _McpCallEvent, frozen=True, kw_only=True, tag="response.mcp_call.completed"
):
    """An MCP call returned."""


class ResponseMcpCallFailed(
    _McpCallEvent, frozen=True, kw_only=True, tag="response.mcp_call.failed"
):
    """An MCP call failed."""
