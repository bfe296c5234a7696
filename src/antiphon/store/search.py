"""Finds responses by what is known of them: metadata, status, model, words, time.

Pages go by ``(created_at, id)``, the order that all indexes have, so a page is found as fast far
down the list as at its beginning. Of several things that are asked for, the rarest leads: its index
is walked in order, and each response on it is looked up for the rest. What is rare is counted, up
to a bound, since databases do not know it: SQLite assumes that all values of a column are equally
frequent.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    Text,
    Tuple,
    exists,
    func,
    literal,
    select,
    tuple_,
)

from antiphon.errors import RequestError
from antiphon.store.schema import response_metadata, responses
from antiphon.store.texts import storable
from antiphon.store.words import items_with, words_within
from antiphon.wire.kept import Order, ResponsesQuery

__all__ = ["ids_of_page"]

_COUNTED_ROWS = 10_000
"""How far is counted, at some microseconds a row. What is more frequent is soon found anyway."""

_COUNTED_ITEMS = 1_000
"""How far items are counted that have the wanted words: what they belong to is looked up for all.
"""


class _Place(NamedTuple):
    """A place in the order of responses."""

    created_at: int
    id: str

    def as_row(self) -> Tuple:
        """Return it as a row that rows can be compared with."""
        return tuple_(literal(self.created_at, BigInteger), literal(self.id, Text))


class _Wanted(NamedTuple):
    """What is asked of each response, in columns."""

    pairs: dict[str, str]
    columns: dict[str, str]
    text: str | UnsetType


class _Span(NamedTuple):
    """The part of the order that a page is looked for in, without its ends."""

    first_at: int | None
    before_at: int | None
    above: _Place | None
    below: _Place | None

    def holds(
        self, created_at: ColumnElement[int], response_id: ColumnElement[str]
    ) -> list[ColumnElement[bool]]:
        """Return the conditions that a row is in it."""
        conditions: list[ColumnElement[bool]] = []
        if self.first_at is not None:
            conditions.append(created_at >= self.first_at)
        if self.before_at is not None:
            conditions.append(created_at < self.before_at)
        row = tuple_(created_at, response_id)
        if self.above is not None:
            conditions.append(row > self.above.as_row())
        if self.below is not None:
            conditions.append(row < self.below.as_row())
        return conditions


def ids_of_page(
    connection: Connection, query: ResponsesQuery, owner: str | None
) -> tuple[list[str], bool]:
    """Return the ids of a page of responses, in the order that is asked for.

    Args:
        connection: To the database.
        query: What is asked for.
        owner: The name of the API key whose responses are looked at; ``None`` for all.

    Returns:
        The ids; and whether there are more beyond them.

    Raises:
        RequestError: ``invalid_value``: there is no such response to begin the page at.
    """
    wanted = _wanted(query, owner)
    if wanted is None:
        return [], False
    backwards = query.after is UNSET and query.before is not UNSET
    walked: Order = query.order
    if backwards:
        walked = "asc" if query.order == "desc" else "desc"
    walk = _narrowest(connection, wanted, _span(connection, query, owner))
    page = walk.rows.where(*_rest(walk, wanted, connection.dialect))
    order = (walk.created_at, walk.id)
    ordered = page.order_by(*(column.desc() if walked == "desc" else column for column in order))
    found = [row.id for row in connection.execute(ordered.limit(query.limit + 1))]
    ids, has_more = found[: query.limit], len(found) > query.limit
    return (ids[::-1] if backwards else ids), has_more


def _wanted(query: ResponsesQuery, owner: str | None) -> _Wanted | None:
    """Return what is asked for; ``None`` if there can be no such response."""
    asked = {
        "status": query.status,
        "reason": query.reason,
        "model": query.model,
        "session_id": query.session_id,
        "conversation_id": query.conversation_id,
        "key_name": query.key,
    }
    columns = {name: storable(value) for name, value in asked.items() if value is not UNSET}
    if owner is not None and columns.setdefault("key_name", owner) != owner:
        return None
    pairs = {storable(key): storable(value) for key, value in query.metadata.items()}
    return _Wanted(pairs, columns, query.text)


def _span(connection: Connection, query: ResponsesQuery, owner: str | None) -> _Span:
    after = _place(connection, query.after, owner, "after")
    before = _place(connection, query.before, owner, "before")
    newest_first = query.order == "desc"
    return _Span(
        first_at=None if query.created_after is UNSET else _micros(query.created_after),
        before_at=None if query.created_before is UNSET else _micros(query.created_before),
        above=before if newest_first else after,
        below=after if newest_first else before,
    )


def _place(
    connection: Connection, response_id: str | UnsetType, owner: str | None, param: str
) -> _Place | None:
    """Return where a response is that a page begins or ends at."""
    if response_id is UNSET:
        return None
    place = select(responses.c.created_at).where(responses.c.id == storable(response_id))
    if owner is not None:
        place = place.where(responses.c.key_name == owner)
    created_at = connection.scalar(place)
    if created_at is None:
        message = (
            f"There is no response '{response_id}' for the page to begin at; it may have been "
            "deleted. Begin again without one, or at another."
        )
        raise RequestError(message, code="invalid_value", param=param)
    return _Place(created_at, response_id)


class _Walk(NamedTuple):
    """Rows of an index within a span, in which a page is looked for.

    Attributes:
        rows: Columns ``created_at`` and ``id``.
        covers: What all of them have, of what is wanted: the name of a column, the key of a pair
            in ``pair``, or ``text``; ``None`` if nothing.
    """

    rows: Select[tuple[int, str]]
    created_at: ColumnElement[int]
    id: ColumnElement[str]
    covers: str | None = None
    pair: str | None = None


def _narrowest(connection: Connection, wanted: _Wanted, span: _Span) -> _Walk:
    """Return the walk over the fewest rows; of those that are long, the first."""
    walks = [_along_pair(key, value, span) for key, value in wanted.pairs.items()]
    walks += [_along_column(name, value, span) for name, value in wanted.columns.items()]
    if wanted.text is not UNSET and (with_words := _along_words(connection, wanted.text, span)):
        walks.append(with_words)
    if not walks:
        return _along_time(span)
    if len(walks) == 1:
        return walks[0]
    return min(walks, key=lambda walk: _count(connection, walk))


def _count(connection: Connection, walk: _Walk) -> int:
    counted = walk.rows.limit(_COUNTED_ROWS).subquery()
    return connection.scalar(select(func.count()).select_from(counted)) or 0


def _along_pair(key: str, value: str, span: _Span) -> _Walk:
    pairs = response_metadata.c
    rows = select(pairs.created_at, pairs.response_id.label("id")).where(
        pairs.key == key,
        pairs.value == value,
        *span.holds(pairs.created_at, pairs.response_id),
    )
    return _Walk(rows, pairs.created_at, pairs.response_id, pair=key)


def _along_column(name: str, value: str, span: _Span) -> _Walk:
    walk = _along_time(span)
    return walk._replace(rows=walk.rows.where(responses.c[name] == value), covers=name)


def _along_time(span: _Span) -> _Walk:
    created_at, response_id = responses.c.created_at, responses.c.id
    rows = select(created_at, response_id).where(*span.holds(created_at, response_id))
    return _Walk(rows, created_at, response_id)


def _along_words(connection: Connection, text: str, span: _Span) -> _Walk | None:
    """Return the responses that have read or made what has certain words; ``None`` if many."""
    found = connection.execute(items_with(text, connection.dialect).limit(_COUNTED_ITEMS + 1)).all()
    if len(found) > _COUNTED_ITEMS:
        return None
    ids = {row.response_id for row in found if row.response_id is not None}
    read = {row.id for row in found if row.response_id is None}
    sessions = {row.session_id for row in found if row.response_id is None}
    readers = select(responses.c.id, responses.c.input_items).where(
        responses.c.session_id.in_(sessions)
    )
    for row in connection.execute(readers):
        if not read.isdisjoint(msgspec.json.decode(row.input_items, type=list[str])):
            ids.add(row.id)
    if len(ids) > _COUNTED_ROWS:  # a statement takes only so many values
        return None
    walk = _along_time(span)
    return walk._replace(rows=walk.rows.where(responses.c.id.in_(ids)), covers="text")


def _rest(walk: _Walk, wanted: _Wanted, dialect: Dialect) -> list[ColumnElement[bool]]:
    """Return the conditions of what is wanted that the rows of a walk need not fulfil yet."""
    conditions: list[ColumnElement[bool]] = []
    for key, value in wanted.pairs.items():
        if key != walk.pair:
            pairs = response_metadata.alias().c
            conditions.append(
                exists().where(pairs.response_id == walk.id, pairs.key == key, pairs.value == value)
            )
    of_response = [
        _unindexed(responses.c[name]) == value
        for name, value in wanted.columns.items()
        if name != walk.covers
    ]
    if wanted.text is not UNSET and walk.covers != "text":
        of_response.append(words_within(wanted.text, dialect))
    if walk.pair is None:
        return conditions + of_response
    if of_response:
        conditions.append(exists().where(responses.c.id == walk.id, *of_response))
    return conditions


def _unindexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """Return a column's value so that its index is not used: another one leads."""
    return column + ""


def _micros(at_s: float) -> int:
    return round(at_s * 1_000_000)
