"""Responses that are kept, without anybody who made them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection

from antiphon.store.databases import Database
from antiphon.store.records import ItemKept, Record, ResponseKept, SessionOpened, Sound
from antiphon.store.rows import write
from antiphon.wire.audio_config import PcmFormat
from antiphon.wire.codec import encode
from antiphon.wire.items import InputAudio, Message, OutputAudio
from antiphon.wire.response import (
    RealtimeResponse,
    RealtimeResponseAudio,
    RealtimeResponseAudioOutput,
    RealtimeResponseError,
    RealtimeResponseStatus,
    RealtimeResponseUsage,
    StatusReason,
)

__all__ = ["BEGIN_S", "Shelf", "kept", "opened"]

_T = TypeVar("_T")

BEGIN_S = 1_800_000_000
"""When the first response is made, seconds since 1970: 2027-01-15T08:00:00Z."""

_MICROS = 1_000_000
_REASONS: dict[str, StatusReason] = {
    "cancelled": "turn_detected",
    "incomplete": "max_output_tokens",
}
_MOMENTS: Mapping[str, float] = {"speech_ended": 0.0, "transcribed": 100.0, "first_audio": 700.0}


def opened(
    session: str = "sess_1", *, conversation: str = "conv_1", key: str | None = None
) -> SessionOpened:
    """Return that a session has begun."""
    return SessionOpened(
        id=session,
        conversation_id=conversation,
        kind="realtime",
        model="antiphon",
        key_name=key,
        transport="websocket",
        opened_at=BEGIN_S * _MICROS,
    )


def kept(
    number: int,
    *,
    after_s: float | None = None,
    metadata: dict[str, str] | None = None,
    status: str = "completed",
    model: str = "antiphon",
    key: str | None = None,
    session: str = "sess_1",
    conversation: str = "conv_1",
    heard: str = "Hello?",
    said: str = "Good day.",
    moments: Mapping[str, float] = _MOMENTS,
    cost_micros: int | None = None,
    pcm: bytes | None = None,
) -> list[Any]:
    """Return what is kept of response ``resp_NUMBER``, with ``heard_NUMBER``, ``said_NUMBER``.

    Args:
        number: Its place among all; it is made so many seconds after the first.
        after_s: When it is made instead.
        metadata: Its own.
        status: How it ended, for the usual reason.
        model: Its model.
        key: The API key's name.
        session: Its session.
        conversation: Its conversation.
        heard: What the user said.
        said: What was answered.
        moments: Where its time went.
        cost_micros: What it cost.
        pcm: How the answer sounds, at 24 kHz; ``None`` for no audio.

    Returns:
        Its records, that of the response itself the last.
    """
    created_at = round((BEGIN_S + (number if after_s is None else after_s)) * _MICROS)
    user = Message(id=f"heard_{number}", role="user", content=(InputAudio(transcript=heard),))
    assistant = Message(
        id=f"said_{number}", role="assistant", content=(OutputAudio(transcript=said),)
    )
    response = RealtimeResponse(
        id=f"resp_{number}",
        status=status,  # type: ignore[arg-type]  # one of them
        status_details=_details(status),
        output=(assistant,),
        conversation_id=conversation,
        output_modalities=("audio",),
        max_output_tokens="inf",
        audio=RealtimeResponseAudio(
            output=RealtimeResponseAudioOutput(format=PcmFormat(), voice="joe")
        ),
        usage=RealtimeResponseUsage(total_tokens=30, input_tokens=20, output_tokens=10),
        metadata=metadata,
    )
    items = [
        ItemKept(
            conversation_id=conversation,
            session_id=session,
            body=encode(item),
            item=item,
            position=2 * number + place,
            response_id=response.id if place else None,
            created_at=created_at,
        )
        for place, item in enumerate((user, assistant))
    ]
    sounds = (
        []
        if pcm is None
        else [
            Sound(
                conversation_id=conversation,
                item_id=f"said_{number}",
                created_at=created_at,
                samples=pcm,
                audio_format=PcmFormat(),
            )
        ]
    )
    ended = ResponseKept(
        body=encode(response),
        response=response,
        session_id=session,
        created_at=created_at,
        ended_at=created_at + _MICROS,
        model=model,
        key_name=key,
        moments=encode(moments),
        input_items=encode([f"heard_{number}"]),
        has_audio=pcm is not None,
        cost_micros=cost_micros,
    )
    return [*items, *sounds, ended]


def _details(status: str) -> RealtimeResponseStatus | None:
    match status:
        case "completed":
            return None
        case "failed":
            error = RealtimeResponseError(type="server_error", code="x", message="It broke.")
            return RealtimeResponseStatus(type="failed", error=error)
        case _:
            return RealtimeResponseStatus(type=status, reason=_REASONS[status])  # type: ignore[arg-type]


class Shelf:
    """A database to put records into and to read from, without a thread that writes.

    Args:
        database: Prepared.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, *records: Iterable[Record]) -> None:
        """Write records, in one transaction."""
        with self._database.connect() as connection, connection.begin():
            write(connection, [record for some in records for record in some])

    def read(self, query: Callable[[Connection], _T]) -> _T:
        """Return what a query finds."""
        with self._database.read() as connection:
            return query(connection)

    def change(self, work: Callable[[Connection], _T]) -> _T:
        """Do something in a transaction."""
        with self._database.connect() as connection, connection.begin():
            return work(connection)
