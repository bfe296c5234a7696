"""The events that the server sends.

Every key is sent in every event, null where there is nothing to say; the exceptions are typed
with ``UnsetType``. Keys stand in the order of the hosted service, ``type`` first.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from antiphon.wire.error import ErrorObject
from antiphon.wire.event_bases import ItemEventBase, ResponseEventBase, ServerEventBase
from antiphon.wire.fields import (
    AudioEndMs,
    AudioStartMs,
    ContentIndex,
    ItemReferenceId,
    PreviousItemId,
)
from antiphon.wire.items import Item
from antiphon.wire.response_events import (
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    ResponseMcpCallInProgress,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
)
from antiphon.wire.session import Session
from antiphon.wire.transcription_events import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    ConversationItemInputAudioTranscriptionSegment,
)

__all__ = [
    "Conversation",
    "ConversationCreated",
    "ConversationItemAdded",
    "ConversationItemCreated",
    "ConversationItemDeleted",
    "ConversationItemDone",
    "ConversationItemInputAudioTranscriptionCompleted",
    "ConversationItemInputAudioTranscriptionDelta",
    "ConversationItemInputAudioTranscriptionFailed",
    "ConversationItemInputAudioTranscriptionSegment",
    "ConversationItemRetrieved",
    "ConversationItemTruncated",
    "ErrorEvent",
    "InputAudioBufferCleared",
    "InputAudioBufferCommitted",
    "InputAudioBufferDtmfEventReceived",
    "InputAudioBufferSpeechStarted",
    "InputAudioBufferSpeechStopped",
    "InputAudioBufferTimeoutTriggered",
    "McpListToolsCompleted",
    "McpListToolsFailed",
    "McpListToolsInProgress",
    "OutputAudioBufferCleared",
    "OutputAudioBufferStarted",
    "OutputAudioBufferStopped",
    "RateLimit",
    "RateLimitName",
    "RateLimitsUpdated",
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
    "ServerEvent",
    "SessionCreated",
    "SessionUpdated",
]


class ErrorEvent(ServerEventBase, frozen=True, kw_only=True, tag="error"):
    """A client event was refused, or something went wrong on the server; the session goes on."""

    error: Annotated[ErrorObject, Meta(description="What went wrong.")]


RateLimitName: TypeAlias = Literal["requests", "tokens"]


class RateLimit(Struct, frozen=True, kw_only=True):
    """One limit and how much of it is left."""

    name: Annotated[RateLimitName, Meta(description="What is limited.")]
    limit: Annotated[int, Meta(description="The most that is allowed.")]
    remaining: Annotated[int, Meta(description="What is left of it.")]
    reset_seconds: Annotated[float, Meta(description="Seconds until it is whole again.")]


class RateLimitsUpdated(ServerEventBase, frozen=True, kw_only=True, tag="rate_limits.updated"):
    """How much may still be asked for."""

    rate_limits: Annotated[tuple[RateLimit, ...], Meta(description="The limits.")]


# --- session and conversation ---------------------------------------------------------------


class _SessionEvent(ServerEventBase, frozen=True, kw_only=True):
    session: Annotated[Session, Meta(description="The session as it stands.")]


class SessionCreated(_SessionEvent, frozen=True, kw_only=True, tag="session.created"):
    """The session is open; always the first event."""


class SessionUpdated(_SessionEvent, frozen=True, kw_only=True, tag="session.updated"):
    """The session's settings have been changed as asked."""


class Conversation(Struct, frozen=True, kw_only=True):
    """A conversation, by its id."""

    id: Annotated[str, Meta(description="Unique id of the conversation.")]
    object: Annotated[Literal["realtime.conversation"], Meta(description="The kind of object.")] = (
        "realtime.conversation"
    )


class ConversationCreated(ServerEventBase, frozen=True, kw_only=True, tag="conversation.created"):
    """The conversation exists."""

    conversation: Annotated[Conversation, Meta(description="The conversation.")]


class _PlacedItemEvent(ServerEventBase, frozen=True, kw_only=True):
    previous_item_id: PreviousItemId
    item: Annotated[Item, Meta(description="The item.")]


class ConversationItemAdded(
    _PlacedItemEvent, frozen=True, kw_only=True, tag="conversation.item.added"
):
    """An item has its place in the conversation; it may still be growing."""


class ConversationItemDone(
    _PlacedItemEvent, frozen=True, kw_only=True, tag="conversation.item.done"
):
    """An item is final."""


class ConversationItemCreated(
    _PlacedItemEvent, frozen=True, kw_only=True, tag="conversation.item.created"
):
    """An item has been added, in the words of the beta protocol."""


class ConversationItemRetrieved(
    ServerEventBase, frozen=True, kw_only=True, tag="conversation.item.retrieved"
):
    """The item a client asked for."""

    item: Annotated[Item, Meta(description="The item, audio included.")]


class ConversationItemDeleted(
    ItemEventBase, frozen=True, kw_only=True, tag="conversation.item.deleted"
):
    """An item has been removed from the conversation."""


class ConversationItemTruncated(
    ItemEventBase, frozen=True, kw_only=True, tag="conversation.item.truncated"
):
    """A spoken message has been cut; its transcript is gone with the audio that was not heard."""

    content_index: ContentIndex
    audio_end_ms: Annotated[
        int, Meta(ge=0, description="How much of the message's audio is left, in milliseconds.")
    ]


# --- audio buffers ----------------------------------------------------------------------------


class InputAudioBufferCommitted(
    ServerEventBase, frozen=True, kw_only=True, tag="input_audio_buffer.committed"
):
    """The audio in the input buffer is becoming a user message."""

    previous_item_id: PreviousItemId
    item_id: ItemReferenceId


class InputAudioBufferCleared(
    ServerEventBase, frozen=True, kw_only=True, tag="input_audio_buffer.cleared"
):
    """The input buffer is empty."""


class InputAudioBufferSpeechStarted(
    ServerEventBase, frozen=True, kw_only=True, tag="input_audio_buffer.speech_started"
):
    """The user began to speak; the start includes the prefix padding."""

    audio_start_ms: AudioStartMs
    item_id: ItemReferenceId


class InputAudioBufferSpeechStopped(
    ServerEventBase, frozen=True, kw_only=True, tag="input_audio_buffer.speech_stopped"
):
    """The user finished speaking; the end includes the silence that told so."""

    audio_end_ms: AudioEndMs
    item_id: ItemReferenceId


class InputAudioBufferTimeoutTriggered(
    ServerEventBase, frozen=True, kw_only=True, tag="input_audio_buffer.timeout_triggered"
):
    """The user said nothing for the idle timeout."""

    audio_start_ms: AudioStartMs
    audio_end_ms: AudioEndMs
    item_id: ItemReferenceId


class InputAudioBufferDtmfEventReceived(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag="input_audio_buffer.dtmf_event_received",
):
    """A key was pressed on the phone (SIP). The one event without an ``event_id``."""

    event: Annotated[str, Meta(description="The key: 0 to 9, `*`, `#`, A to D.")]
    received_at: Annotated[int, Meta(description="When, in seconds of the Unix clock.")]


class OutputAudioBufferStarted(
    ResponseEventBase, frozen=True, kw_only=True, tag="output_audio_buffer.started"
):
    """Playback of a response began (WebRTC and SIP)."""


class OutputAudioBufferStopped(
    ResponseEventBase, frozen=True, kw_only=True, tag="output_audio_buffer.stopped"
):
    """Playback of a response reached its end (WebRTC and SIP)."""


class OutputAudioBufferCleared(
    ResponseEventBase, frozen=True, kw_only=True, tag="output_audio_buffer.cleared"
):
    """Playback of a response was cut off (WebRTC and SIP)."""


# --- MCP --------------------------------------------------------------------------------------


class McpListToolsInProgress(
    ItemEventBase, frozen=True, kw_only=True, tag="mcp_list_tools.in_progress"
):
    """An MCP server is being asked for its tools."""


class McpListToolsCompleted(
    ItemEventBase, frozen=True, kw_only=True, tag="mcp_list_tools.completed"
):
    """An MCP server has named its tools."""


class McpListToolsFailed(ItemEventBase, frozen=True, kw_only=True, tag="mcp_list_tools.failed"):
    """An MCP server did not name its tools."""


ServerEvent: TypeAlias = (
    ErrorEvent
    | RateLimitsUpdated
    | SessionCreated
    | SessionUpdated
    | ConversationCreated
    | ConversationItemAdded
    | ConversationItemDone
    | ConversationItemCreated
    | ConversationItemRetrieved
    | ConversationItemDeleted
    | ConversationItemTruncated
    | ConversationItemInputAudioTranscriptionDelta
    | ConversationItemInputAudioTranscriptionCompleted
    | ConversationItemInputAudioTranscriptionFailed
    | ConversationItemInputAudioTranscriptionSegment
    | InputAudioBufferCommitted
    | InputAudioBufferCleared
    | InputAudioBufferSpeechStarted
    | InputAudioBufferSpeechStopped
    | InputAudioBufferTimeoutTriggered
    | InputAudioBufferDtmfEventReceived
    | OutputAudioBufferStarted
    | OutputAudioBufferStopped
    | OutputAudioBufferCleared
    | ResponseCreated
    | ResponseDone
    | ResponseOutputItemAdded
    | ResponseOutputItemDone
    | ResponseContentPartAdded
    | ResponseContentPartDone
    | ResponseOutputTextDelta
    | ResponseOutputTextDone
    | ResponseOutputAudioDelta
    | ResponseOutputAudioDone
    | ResponseOutputAudioTranscriptDelta
    | ResponseOutputAudioTranscriptDone
    | ResponseFunctionCallArgumentsDelta
    | ResponseFunctionCallArgumentsDone
    | ResponseMcpCallArgumentsDelta
    | ResponseMcpCallArgumentsDone
    | ResponseMcpCallInProgress
    | ResponseMcpCallCompleted
    | ResponseMcpCallFailed
    | McpListToolsInProgress
    | McpListToolsCompleted
    | McpListToolsFailed
)
