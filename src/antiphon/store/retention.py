"""How long anything is kept: what is too old, or too much, goes, the oldest first."""

from __future__ import annotations

import math

from sqlalchemy import Connection, Table, and_, delete, exists, func, or_, select, text

from antiphon.store.deletion import ITEM_KEY, delete_items, delete_responses
from antiphon.store.schema import audio, item_text, items, responses, sessions

__all__ = ["STEP", "kept_bytes", "prune", "too_much", "too_old"]

STEP = 100
"""Responses, items and sessions, each, that are deleted in one transaction."""

_US_PER_DAY = 86_400 * 1_000_000
_BYTES_PER_MB = 1_000_000

_FORGOTTEN_US = _US_PER_DAY
"""Sessions whose end nobody has noted, as the server was killed, are over after that long."""

_SLACK = 0.05
"""How much more is deleted than need be, as a share of what is kept, so that it lasts."""


def too_old(max_age_days: int, now_us: int) -> int:
    """Return before when all is too old, in microseconds since 1970."""
    return now_us - max_age_days * _US_PER_DAY


def too_much(connection: Connection, max_size_mb: int) -> int | None:
    """Return before when all has to go for the rest to fit; ``None`` if everything does.

    Rows are taken to be of one size. Where they are not, what is too much then is found next time.
    """
    size = kept_bytes(connection)
    excess = size - max_size_mb * _BYTES_PER_MB
    if excess <= 0:
        return None
    share = min(1.0, excess / size + _SLACK)
    ends = [_oldest_until(connection, table, share) for table in (responses, items)]
    return max(end for end in ends if end is not None) if any(ends) else None


def kept_bytes(connection: Connection) -> int:
    """Return how much is kept, in bytes: of the file in SQLite, of the contents in PostgreSQL.

    PostgreSQL's own figures do not shrink when rows are deleted.
    """
    if connection.dialect.name == "sqlite":
        pages, free, size = (
            int(connection.execute(text(f"PRAGMA {name}")).scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size
    total = 0
    for column in (
        responses.c.body,
        responses.c.moments,
        items.c.body,
        item_text.c.text,
        audio.c.sound,
    ):
        total += connection.scalar(select(func.sum(func.pg_column_size(column)))) or 0
    return total


def prune(connection: Connection, before_us: int, limit: int = STEP) -> int:
    """Delete some of what is older than that; return how many rows of sessions, responses, items.

    Args:
        connection: In a transaction, which the caller commits.
        before_us: Everything is deleted that was made before then, microseconds since 1970.
        limit: How many of each at most. If as many were deleted, there may be more.
    """
    old = select(responses.c.id).where(responses.c.created_at < before_us)
    ids = connection.scalars(old.order_by(responses.c.created_at).limit(limit)).all()
    found = delete_responses(connection, responses.c.id.in_(ids)) if ids else 0
    old_items = select(*ITEM_KEY).where(items.c.created_at < before_us)
    found += delete_items(connection, old_items.order_by(items.c.created_at).limit(limit))
    return found + _prune_sessions(connection, before_us, limit)


def _prune_sessions(connection: Connection, before_us: int, limit: int) -> int:
    """Delete sessions of which nothing is left."""
    is_over = or_(
        sessions.c.closed_at < before_us,
        and_(sessions.c.closed_at.is_(None), sessions.c.opened_at < before_us - _FORGOTTEN_US),
    )
    is_empty = and_(
        ~exists().where(responses.c.session_id == sessions.c.id),
        ~exists().where(items.c.session_id == sessions.c.id),
    )
    old = select(sessions.c.id).where(sessions.c.opened_at < before_us, is_over, is_empty)
    ids = connection.scalars(old.order_by(sessions.c.opened_at).limit(limit)).all()
    if not ids:
        return 0
    return connection.execute(delete(sessions).where(sessions.c.id.in_(ids))).rowcount


def _oldest_until(connection: Connection, table: Table, share: float) -> int | None:
    """Return after when the oldest rows, so many of all, are over; ``None`` without rows."""
    rows = connection.scalar(select(func.count()).select_from(table)) or 0
    by_age = select(table.c.created_at).order_by(table.c.created_at)
    last = min(rows - 1, math.ceil(rows * share) - 1)
    newest = connection.scalar(by_age.offset(last).limit(1)) if rows else None
    return None if newest is None else newest + 1
