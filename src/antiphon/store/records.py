"""What the store is handed to keep. Times are microseconds since 1970.

Bodies are encoded when a record is made. That takes microseconds, and a queue can only be bounded
by what has a size.
"""

from __future__ import annotations

import time
from typing import TypeAlias

from msgspec import Struct

from antiphon.audio.formats import Floats
from antiphon.wire.audio_config import AudioFormat
from antiphon.wire.items import Item
from antiphon.wire.response import RealtimeResponse

__all__ = [
    "AudioCut",
    "ConversationNamed",
    "ItemDeleted",
    "ItemKept",
    "ItemsMoved",
    "Record",
    "ResponseKept",
    "SessionClosed",
    "SessionOpened",
    "Sound",
    "now_us",
    "size_bytes",
]


class SessionOpened(Struct, frozen=True, kw_only=True):
    """A session has begun; attributes are the columns of its table."""

    id: str
    conversation_id: str
    kind: str
    model: str
    key_name: str | None
    transport: str
    opened_at: int


class SessionClosed(Struct, frozen=True, kw_only=True):
    """A session is over.

    Attributes:
        id: The session.
        closed_at: When.
        close_code: WebSocket close code; ``None`` if the client has just gone.
        close_reason: Text for people.
    """

    id: str
    closed_at: int
    close_code: int | None
    close_reason: str | None


class ConversationNamed(Struct, frozen=True):
    """What was kept under the id of its session belongs to this conversation.

    Attributes:
        session_id: The session.
        conversation_id: The conversation, of which nobody knew until now.
    """

    session_id: str
    conversation_id: str


class ResponseKept(Struct, frozen=True, kw_only=True):
    """A response has ended.

    Attributes:
        body: The :class:`~antiphon.wire.response.RealtimeResponse`, encoded.
        response: The same, to find it by.
        session_id: Whose it is.
        created_at: When it began.
        ended_at: When it ended.
        model: The name that the client asked for.
        key_name: What the API key is called; ``None`` where none is needed.
        moments: Where its time went: milliseconds by moment, encoded.
        input_items: The ids of the items that it answered, encoded.
        has_audio: Whether what it said is kept.
        cost_micros: What it cost, in millionths of the currency; ``None`` if nobody knows.
    """

    body: bytes
    response: RealtimeResponse
    session_id: str
    created_at: int
    ended_at: int
    model: str
    key_name: str | None
    moments: bytes
    input_items: bytes
    has_audio: bool
    cost_micros: int | None = None


class ItemKept(Struct, frozen=True, kw_only=True):
    """An item is there, or has changed.

    Attributes:
        conversation_id: The conversation of its session, also where it is not part of it.
        session_id: The session.
        body: The item, encoded, without audio and images.
        item: The same.
        position: Its place among the items; ``None`` if it is no part of the conversation.
        response_id: The response that put it out, if one did.
        created_at: When it came.
        is_change: Whether it has been kept before. If it was deleted meanwhile, it stays so.
    """

    conversation_id: str
    session_id: str
    body: bytes
    item: Item
    position: int | None
    response_id: str | None
    created_at: int
    is_change: bool = False


class ItemsMoved(Struct, frozen=True):
    """Items have new places.

    Attributes:
        conversation_id: Their conversation.
        positions: The places, by item id.
    """

    conversation_id: str
    positions: dict[str, int]


class ItemDeleted(Struct, frozen=True):
    """A client has deleted an item: nothing of it stays, nor in the response that put it out.

    Attributes:
        conversation_id: Its conversation.
        item_id: The item.
    """

    conversation_id: str
    item_id: str


class Sound(Struct, frozen=True, kw_only=True):
    """The audio of an item.

    Attributes:
        conversation_id: As for the item.
        item_id: The item.
        created_at: When it came.
        samples: As the client sent or was sent it; or float32 at 16 kHz, shape (n,).
        audio_format: The format of bytes; ``None`` for float32.
    """

    conversation_id: str
    item_id: str
    created_at: int
    samples: Floats | bytes
    audio_format: AudioFormat | None


class AudioCut(Struct, frozen=True):
    """Less of an item was heard than was sent.

    Attributes:
        conversation_id: As for the item.
        item_id: The item.
        heard_ms: How much of its audio is to stay.
    """

    conversation_id: str
    item_id: str
    heard_ms: int


Record: TypeAlias = (
    SessionOpened
    | SessionClosed
    | ConversationNamed
    | ResponseKept
    | ItemKept
    | ItemsMoved
    | ItemDeleted
    | Sound
    | AudioCut
)
"""Anything that can be kept."""

_FIXED_BYTES = 1_000
"""About what a record takes beside what it carries."""


def size_bytes(record: Record) -> int:
    """Return about how much memory a record takes."""
    match record:
        case ResponseKept(body=body) | ItemKept(body=body):
            return _FIXED_BYTES + 3 * len(body)  # encoded, and as an object
        case Sound(samples=samples):
            return _FIXED_BYTES + (len(samples) if isinstance(samples, bytes) else samples.nbytes)
        case _:
            return _FIXED_BYTES


def now_us() -> int:
    """Return the time, in microseconds since 1970."""
    return time.time_ns() // 1000
