"""The events that a client sends."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from antiphon.wire.event_bases import ClientEventBase
from antiphon.wire.fields import ContentIndex, ItemReferenceId
from antiphon.wire.items import Item, refuse_assistant_audio
from antiphon.wire.response import ResponseCreateParams
from antiphon.wire.session import SessionPatch
from antiphon.wire.sizes import MAX_APPEND_BYTES, MAX_SETTINGS_BYTES, refuse_oversized

__all__ = [
    "MAX_APPEND_BYTES",
    "ClientEvent",
    "ConversationItemCreate",
    "ConversationItemDelete",
    "ConversationItemRetrieve",
    "ConversationItemTruncate",
    "InputAudioBufferAppend",
    "InputAudioBufferClear",
    "InputAudioBufferCommit",
    "OutputAudioBufferClear",
    "ResponseCancel",
    "ResponseCreate",
    "SessionUpdate",
]


class SessionUpdate(ClientEventBase, frozen=True, kw_only=True, tag="session.update"):
    """Change the session's settings; all changes are made, or none.

    Raises:
        InvalidFieldError: They are too large.
    """

    session: Annotated[
        SessionPatch,
        Meta(description="The changes; `session.type` is required and must be the session's own."),
    ]

    def __post_init__(self) -> None:
        refuse_oversized(self.session, "session", MAX_SETTINGS_BYTES)


class InputAudioBufferAppend(
    ClientEventBase, frozen=True, kw_only=True, tag="input_audio_buffer.append"
):
    """Append audio to the input buffer. It has no reply."""

    audio: Annotated[
        bytes,
        Meta(
            max_length=MAX_APPEND_BYTES,
            description="Audio in the session's input format, base64 on the wire; "
            "at most 15 MiB of audio in one event.",
        ),
    ]


class InputAudioBufferCommit(
    ClientEventBase, frozen=True, kw_only=True, tag="input_audio_buffer.commit"
):
    """Make the audio in the input buffer a user message."""


class InputAudioBufferClear(
    ClientEventBase, frozen=True, kw_only=True, tag="input_audio_buffer.clear"
):
    """Throw the audio in the input buffer away."""


class OutputAudioBufferClear(
    ClientEventBase, frozen=True, kw_only=True, tag="output_audio_buffer.clear"
):
    """Stop the playback that the server paces (WebRTC and SIP)."""


class ConversationItemCreate(
    ClientEventBase, frozen=True, kw_only=True, tag="conversation.item.create"
):
    """Add an item to the conversation.

    Raises:
        InvalidFieldError: The item is a spoken assistant message: only the server speaks.
    """

    previous_item_id: Annotated[
        str | UnsetType | None,
        Meta(
            description="Id of the item to insert after; `root` for the front; "
            "absent, null or empty for the end."
        ),
    ] = UNSET
    item: Annotated[Item, Meta(description="The item.")]

    def __post_init__(self) -> None:
        refuse_assistant_audio(self.item, "item")


class ConversationItemRetrieve(
    ClientEventBase, frozen=True, kw_only=True, tag="conversation.item.retrieve"
):
    """Ask for an item as the server holds it, audio included."""

    item_id: ItemReferenceId


class ConversationItemDelete(
    ClientEventBase, frozen=True, kw_only=True, tag="conversation.item.delete"
):
    """Remove an item from the conversation."""

    item_id: ItemReferenceId


class ConversationItemTruncate(
    ClientEventBase, frozen=True, kw_only=True, tag="conversation.item.truncate"
):
    """Cut an assistant's spoken message where the user stopped listening."""

    item_id: ItemReferenceId
    content_index: ContentIndex
    audio_end_ms: Annotated[
        int, Meta(ge=0, description="How much of the message's audio was heard, in milliseconds.")
    ]


class ResponseCreate(ClientEventBase, frozen=True, kw_only=True, tag="response.create"):
    """Ask the model to answer."""

    response: Annotated[
        ResponseCreateParams | UnsetType | None, Meta(description="Settings for this response.")
    ] = UNSET


class ResponseCancel(ClientEventBase, frozen=True, kw_only=True, tag="response.cancel"):
    """Stop a response in progress."""

    response_id: Annotated[
        str | UnsetType | None,
        Meta(description="The response to stop; if absent, the conversation's own."),
    ] = UNSET


ClientEvent: TypeAlias = (
    SessionUpdate
    | InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | OutputAudioBufferClear
    | ConversationItemCreate
    | ConversationItemRetrieve
    | ConversationItemDelete
    | ConversationItemTruncate
    | ResponseCreate
    | ResponseCancel
)
