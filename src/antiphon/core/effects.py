"""What the core asks the runtime to do, in this order.

Effects are requests without answers: what comes of them returns as signals.
"""

from __future__ import annotations

from msgspec import Struct

from antiphon.core.clock import Span
from antiphon.core.plan import ChatMessage, Plan
from antiphon.wire.response import RealtimeResponse
from antiphon.wire.server_events import ConversationItemRetrieved, ServerEvent
from antiphon.wire.session import FunctionTool

__all__ = [
    "CloseConnection",
    "DropAudio",
    "Effect",
    "ForgetItem",
    "KeepResponse",
    "SendAudio",
    "SendEvent",
    "SendRetrieved",
    "StartResponse",
    "StopResponse",
    "Transcribe",
    "WarmPrompt",
]


class SendEvent(Struct, frozen=True):
    """Send an event to the client.

    Attributes:
        event: The event, complete.
    """

    event: ServerEvent


class SendAudio(Struct, frozen=True):
    """Send audio of an answer: as an event, or as packets where the transport has a media track.

    Attributes:
        event_id: Id for the event, where it becomes one.
        response_id: The response it belongs to.
        item_id: The message item it belongs to.
        output_index: The item's place in the response.
        content_index: The audio part's place in the item.
        pcm: Samples in the session's output format.
    """

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    pcm: bytes


class SendRetrieved(Struct, frozen=True):
    """Send an item that the client asked for, with as much of its audio as is kept.

    Attributes:
        event: The event; its item has no audio yet.
        heard_ms: How much of a spoken answer was heard; ``None`` for all of it.
    """

    event: ConversationItemRetrieved
    heard_ms: float | None


class ForgetItem(Struct, frozen=True):
    """An item has been deleted; its audio is not needed any more.

    Attributes:
        item_id: The item.
    """

    item_id: str


class Transcribe(Struct, frozen=True):
    """Find out the words of a user's audio.

    Attributes:
        item_id: The item that will carry the words.
        source: A span of the input, or audio that the client sent as part of an item, in the
            session's input format.
        language: ISO-639-1 hint of the client, if any.
        prompt: Words to expect, from the client, if any.
        model: The transcription model the client named, if any.
    """

    item_id: str
    source: Span | bytes
    language: str | None
    prompt: str | None
    model: str | None


class StartResponse(Struct, frozen=True):
    """Work out and speak an answer.

    Attributes:
        plan: All there is to know about it.
    """

    plan: Plan


class StopResponse(Struct, frozen=True):
    """Stop working on an answer; whatever it still yields will be dropped.

    Attributes:
        response_id: The response.
    """

    response_id: str


class WarmPrompt(Struct, frozen=True):
    """The next response's context begins like this: read it ahead, if nothing else is to be done.

    Attributes:
        instructions: What the model is told to be.
        messages: The conversation so far.
        tools: Functions on offer.
    """

    instructions: str
    messages: tuple[ChatMessage, ...]
    tools: tuple[FunctionTool, ...]


class DropAudio(Struct, frozen=True):
    """Input audio before this position will not be needed again.

    Attributes:
        before: Position on the input audio clock.
    """

    before: int


class KeepResponse(Struct, frozen=True):
    """A response has ended; this is its final form.

    Attributes:
        response: As sent in ``response.done``.
    """

    response: RealtimeResponse


class CloseConnection(Struct, frozen=True):
    """Close the connection once everything before has been sent.

    Attributes:
        code: WebSocket close code.
        reason: Text for people.
    """

    code: int
    reason: str


Effect = (
    SendEvent
    | SendAudio
    | SendRetrieved
    | ForgetItem
    | Transcribe
    | StartResponse
    | StopResponse
    | WarmPrompt
    | DropAudio
    | KeepResponse
    | CloseConnection
)
