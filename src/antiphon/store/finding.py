"""Reads responses and conversations.

Each function takes a connection and blocks; ``owner`` is the name of the API key whose responses
and conversations are looked at, or ``None`` for all. What belongs to another key is not there.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec import UNSET, Struct
from sqlalchemy import (
    BigInteger,
    Connection,
    ScalarSelect,
    Select,
    Text,
    Tuple,
    literal,
    select,
    tuple_,
)

from antiphon.errors import RequestError
from antiphon.store.schema import audio, items, responses, sessions
from antiphon.store.search import ids_of_page
from antiphon.store.texts import storable
from antiphon.wire.kept import ItemsQuery, ResponsesQuery

__all__ = [
    "FoundItem",
    "FoundResponse",
    "Page",
    "find_conversation",
    "find_input",
    "find_item",
    "find_items",
    "find_response",
    "find_responses",
    "find_sessions",
    "find_sound",
    "find_spoken",
]


class FoundResponse(NamedTuple):
    """A response that is kept; times are microseconds since 1970.

    Attributes:
        id: Its id.
        body: The :class:`~antiphon.wire.response.RealtimeResponse`, encoded.
        created_at: When it began.
        session_id: Whose it is.
        conversation_id: Its conversation; ``None`` if it is out of band.
        model: The name that the client asked for.
        key_name: What the API key is called; ``None`` where none was needed.
        moments: Where its time went: milliseconds by moment, encoded.
        input_items: The ids of the items that it answered, encoded.
        has_audio: Whether what it said is kept.
        cost_micros: What it cost, in millionths of the currency; ``None`` if nobody knows.
    """

    id: str
    body: str
    created_at: int
    session_id: str
    conversation_id: str | None
    model: str
    key_name: str | None
    moments: str
    input_items: str
    has_audio: bool
    cost_micros: int | None


class FoundItem(NamedTuple):
    """An item that is kept.

    Attributes:
        id: Its id.
        body: The item, encoded, without audio.
        created_at: When it came, in microseconds since 1970.
        session_id: The session that it came in.
        response_id: The response that put it out, if one did.
        duration_ms: How long its audio is; ``None`` if none is kept.
    """

    id: str
    body: str
    created_at: int
    session_id: str
    response_id: str | None
    duration_ms: int | None


class Page(NamedTuple):
    """A page of responses.

    Attributes:
        found: In the order that was asked for.
        has_more: Whether there are more beyond them.
    """

    found: list[FoundResponse]
    has_more: bool


_RESPONSES = select(*(responses.c[name] for name in FoundResponse._fields))


def find_responses(connection: Connection, query: ResponsesQuery, owner: str | None) -> Page:
    """Return a page of responses.

    Raises:
        RequestError: ``invalid_value``: there is no such response to begin the page at.
    """
    ids, has_more = ids_of_page(connection, query, owner)
    rows = connection.execute(_RESPONSES.where(responses.c.id.in_(ids)))
    by_id = {row.id: FoundResponse._make(row) for row in rows}
    return Page([by_id[one] for one in ids if one in by_id], has_more)


def find_response(
    connection: Connection, response_id: str, owner: str | None
) -> FoundResponse | None:
    """Return a response, if it is there."""
    query = _RESPONSES.where(responses.c.id == storable(response_id))
    if owner is not None:
        query = query.where(responses.c.key_name == owner)
    row = connection.execute(query).one_or_none()
    return None if row is None else FoundResponse._make(row)


def find_input(connection: Connection, response: FoundResponse) -> list[str]:
    """Return the items that a response answered, encoded; those that are still there."""
    ids = msgspec.json.decode(response.input_items, type=list[str])
    bodies = select(items.c.id, items.c.body).where(
        items.c.conversation_id == _conversation_of(response.session_id), items.c.id.in_(ids)
    )
    by_id = {row.id: row.body for row in connection.execute(bodies)}
    return [by_id[one] for one in ids if one in by_id]


def find_spoken(connection: Connection, response: FoundResponse) -> list[bytes]:
    """Return what was spoken in a response: FLAC files, in order."""
    spoken = (
        select(audio.c.item_id, audio.c.sound)
        .join(
            items,
            (items.c.conversation_id == audio.c.conversation_id) & (items.c.id == audio.c.item_id),
        )
        .where(items.c.response_id == response.id)
    )
    by_id = {row.item_id: row.sound for row in connection.execute(spoken)}
    output = msgspec.json.decode(response.body, type=_Output).output
    return [by_id[item.id] for item in output if item.id in by_id]


def find_conversation(connection: Connection, conversation_id: str, owner: str | None) -> bool:
    """Say whether a conversation is there."""
    query = select(sessions.c.id).where(sessions.c.conversation_id == storable(conversation_id))
    if owner is not None:
        query = query.where(sessions.c.key_name == owner)
    return connection.execute(query.limit(1)).one_or_none() is not None


def find_sessions(connection: Connection, conversation_id: str) -> list[str]:
    """Return the ids of the sessions in a conversation."""
    query = select(sessions.c.id).where(sessions.c.conversation_id == storable(conversation_id))
    return list(connection.scalars(query))


def find_items(
    connection: Connection, conversation_id: str, query: ItemsQuery
) -> tuple[list[FoundItem], bool]:
    """Return a page of a conversation's items, and whether there are more beyond them.

    Raises:
        RequestError: ``invalid_value``: there is no such item to begin the page at.
    """
    order = (items.c.position, items.c.id)
    newest_first = query.order == "desc"
    page = (
        _items()
        .where(items.c.conversation_id == conversation_id, items.c.position.is_not(None))
        .order_by(*(column.desc() if newest_first else column for column in order))
        .limit(query.limit + 1)
    )
    if query.after is not UNSET:
        begin = _place(connection, conversation_id, query.after)
        row = tuple_(*order)
        page = page.where(row < begin if newest_first else row > begin)
    found = [FoundItem._make(row) for row in connection.execute(page)]
    return found[: query.limit], len(found) > query.limit


def find_item(
    connection: Connection, conversation_id: str, item_id: str, owner: str | None
) -> FoundItem | None:
    """Return an item, if it is there."""
    if not find_conversation(connection, conversation_id, owner):
        return None
    query = _items().where(
        items.c.conversation_id == conversation_id, items.c.id == storable(item_id)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else FoundItem._make(row)


def find_sound(connection: Connection, conversation_id: str, item_id: str) -> bytes | None:
    """Return the audio of an item as a FLAC file, if it is kept."""
    return connection.scalar(
        select(audio.c.sound).where(
            audio.c.conversation_id == conversation_id, audio.c.item_id == item_id
        )
    )


class _Named(Struct):
    """What is read of an item."""

    id: str


class _Output(Struct):
    """What is read of a response."""

    output: tuple[_Named, ...]


def _conversation_of(session_id: str) -> ScalarSelect[str]:
    """Return the query of the conversation in which the items of a session are."""
    named = select(sessions.c.conversation_id).where(sessions.c.id == session_id)
    return named.scalar_subquery()


def _items() -> Select[tuple[str, str, int, str, str | None, int]]:
    of_item = (audio.c.conversation_id == items.c.conversation_id) & (audio.c.item_id == items.c.id)
    return select(
        items.c.id,
        items.c.body,
        items.c.created_at,
        items.c.session_id,
        items.c.response_id,
        audio.c.duration_ms,
    ).outerjoin_from(items, audio, of_item)


def _place(connection: Connection, conversation_id: str, item_id: str) -> Tuple:
    """Return the row of an item in the order of its conversation, to compare others with."""
    query = select(items.c.position).where(
        items.c.conversation_id == conversation_id,
        items.c.id == item_id,
        items.c.position.is_not(None),
    )
    position = connection.scalar(query)
    if position is None:
        message = (
            f"There is no item '{item_id}' in the conversation for the page to begin after; it may "
            "have been deleted. Begin again without one, or after another."
        )
        raise RequestError(message, code="invalid_value", param="after")
    return tuple_(literal(position, BigInteger), literal(item_id, Text))
