"""What is done with a store by hand, beside a server that may be using it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.exc import DBAPIError

from antiphon.errors import StoreError
from antiphon.store.databases import Database
from antiphon.store.deletion import delete_conversation, delete_response
from antiphon.store.migrating import Revisions
from antiphon.store.reclaiming import Progress, Reclaiming
from antiphon.store.retention import STEP, kept_bytes, prune
from antiphon.store.schema import audio, items, responses, sessions

__all__ = ["Status", "delete", "prune_before", "status"]


class Status(NamedTuple):
    """What is in a store.

    Attributes:
        revisions: How far its tables are.
        sessions: How many there are.
        responses: Likewise.
        items: Likewise.
        sounds: Items with audio.
        size_bytes: How much is kept; see :func:`~antiphon.store.retention.kept_bytes`.
        oldest_us: When the oldest response was made, microseconds since 1970; ``None`` without any.
    """

    revisions: Revisions
    sessions: int
    responses: int
    items: int
    sounds: int
    size_bytes: int
    oldest_us: int | None


def status(database: Database) -> Status:
    """Return what is in a store. It reads through all of it.

    Raises:
        StoreError: It cannot be read, or its tables have to be migrated first.
    """
    revisions = _up_to_date(database)
    with _in_words(database), database.read() as connection:
        return Status(
            revisions,
            sessions=_count(connection, sessions),
            responses=_count(connection, responses),
            items=_count(connection, items),
            sounds=_count(connection, audio),
            size_bytes=kept_bytes(connection),
            oldest_us=connection.scalar(select(func.min(responses.c.created_at))),
        )


def prune_before(database: Database, before_us: int) -> int:
    """Delete all that was made before a time; return how many rows.

    Args:
        database: The database.
        before_us: The time, microseconds since 1970.

    Raises:
        StoreError: It cannot be written to, or its tables have to be migrated first.
    """
    _up_to_date(database)
    found = 0
    with _in_words(database), database.connect() as connection:
        while True:
            with connection.begin():
                some = prune(connection, before_us)
            found += some
            if some < STEP:
                break
        _reclaim(connection)
    return found


def delete(database: Database, *, response_id: str | None, conversation_id: str | None) -> bool:
    """Delete a response, or a conversation, or both; return whether there was anything.

    Raises:
        StoreError: It cannot be written to, or its tables have to be migrated first.
    """
    _up_to_date(database)
    wanted: list[tuple[Callable[[Connection, str], bool], str | None]] = [
        (delete_response, response_id),
        (delete_conversation, conversation_id),
    ]
    with _in_words(database), database.connect() as connection:
        with connection.begin():
            found = [deleting(connection, which) for deleting, which in wanted if which is not None]
        _reclaim(connection)
    return any(found)


def _up_to_date(database: Database) -> Revisions:
    """Check that there are tables, and those that are needed; return how far they are."""
    revisions = database.revisions()
    if revisions.present != revisions.newest:
        message = (
            f"The tables of {database.name} are at revision {revisions.present or 'none'}, and "
            f"{revisions.newest} is needed. Run: antiphon store migrate"
        )
        raise StoreError(message)
    return revisions


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _reclaim(connection: Connection) -> None:
    """Take what was deleted out of the files as well, as far as nobody is reading it."""
    opened = connection.connection.driver_connection
    if isinstance(opened, sqlite3.Connection):
        reclaiming = Reclaiming()
        while reclaiming.step(opened) is Progress.MORE:
            pass


@contextmanager
def _in_words(database: Database) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        message = f"The database {database.name} cannot be used: {str(reason).strip()}"
        raise StoreError(message) from error
