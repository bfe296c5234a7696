"""Finds items by their words, with the index that each database has for that.

All words have to be there, in any order, whatever their case. SQLite takes no notice of accents,
PostgreSQL does.
"""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Select,
    String,
    column,
    exists,
    func,
    literal,
    literal_column,
    select,
    table,
)

from antiphon.store.schema import item_text, items, responses
from antiphon.store.texts import storable

__all__ = ["answered_by", "items_with", "words_within"]

_WORDS = table("item_words", column("rowid"), column("item_words", String))
"""SQLite's FTS5 table: see :mod:`~antiphon.store.schema`."""


def items_with(text: str, dialect: Dialect) -> Select[tuple[str, str, str | None]]:
    """Return the query of the items that have the words of a text.

    Its rows have the session, the item and the response that it is the output of, if it is that of
    one.
    """
    rows = select(items.c.session_id, items.c.id, items.c.response_id).join(
        item_text,
        (item_text.c.conversation_id == items.c.conversation_id)
        & (item_text.c.item_id == items.c.id),
    )
    if dialect.name == "sqlite":
        found = _WORDS.c.item_words.bool_op("MATCH")(_every_word(text))
        return rows.join(_WORDS, _WORDS.c.rowid == item_text.c.id).where(found)
    return rows.where(_has_words(text))


def words_within(text: str, dialect: Dialect) -> ColumnElement[bool]:
    """Return the condition that a response has read or made an item with the words of a text."""
    if dialect.name == "sqlite":
        found: ColumnElement[bool] = exists().where(
            _WORDS.c.rowid == item_text.c.id,
            _WORDS.c.item_words.bool_op("MATCH")(_every_word(text)),
        )
    else:
        found = _has_words(text)
    answered = answered_by(responses.c.input_items, items.c.id, dialect)
    return exists().where(
        items.c.session_id == responses.c.session_id,
        (items.c.response_id == responses.c.id) | answered,
        item_text.c.conversation_id == items.c.conversation_id,
        item_text.c.item_id == items.c.id,
        found,
    )


def answered_by(
    input_items: ColumnElement[str], item_id: ColumnElement[str], dialect: Dialect
) -> ColumnElement[bool]:
    """Return the condition that an item is in a JSON list of ids; ids have nothing to escape."""
    position = func.instr if dialect.name == "sqlite" else func.strpos
    return position(input_items, literal('"') + item_id + '"') > 0


def _every_word(text: str) -> str:
    """Return the FTS5 query of all words: each a phrase in quotes, in which nothing is syntax."""
    words = storable(text).split() or [""]  # the empty phrase is nowhere, and no mistake
    return " ".join('"' + word.replace('"', '""') + '"' for word in words)


def _has_words(text: str) -> ColumnElement[bool]:
    # The name of the configuration as a constant: as in the index, or it would not be used.
    simple: ColumnElement[str] = literal_column("'simple'")
    words = func.plainto_tsquery(simple, storable(text))
    return func.to_tsvector(simple, item_text.c.text).bool_op("@@")(words)
