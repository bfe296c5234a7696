"""Takes what was deleted out of the database's files as well.

PostgreSQL does so by itself (autovacuum). In SQLite, deleted rows are overwritten at once
(``secure_delete``), but three places need a hand: the index of words, which only notes what is
gone until its parts are merged; the write-ahead log, which holds pages as they were; and the file,
whose free pages are given back.
"""

from __future__ import annotations

import sqlite3
from enum import Enum

__all__ = ["Progress", "Reclaiming"]

_MERGED_PAGES = 200
"""Of the index, in one step: some milliseconds."""

_FREED_PAGES = 1_000
"""Given back in one step: 4 MB."""


class Progress(Enum):
    """How far it is."""

    MORE = "more"
    """There is more to do."""
    BLOCKED = "blocked"
    """There is, once nobody reads any more what is to go."""
    DONE = "done"


class Reclaiming:
    """One round of it, step by step, each of which holds the database up for a moment only."""

    def __init__(self) -> None:
        self._has_begun = False
        self._is_merged = False

    def step(self, connection: sqlite3.Connection) -> Progress:
        """Do a little more.

        Args:
            connection: In no transaction.
        """
        if not self._is_merged:
            # A negative number has all parts of the index merged, by this step and those after it.
            pages = _MERGED_PAGES if self._has_begun else -_MERGED_PAGES
            self._has_begun = True
            self._is_merged = not _merge(connection, pages)
            return Progress.MORE
        if connection.execute("PRAGMA freelist_count").fetchone()[0]:
            connection.execute(f"PRAGMA incremental_vacuum({_FREED_PAGES})").fetchall()
            return Progress.MORE
        (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return Progress.BLOCKED if is_busy else Progress.DONE


def _merge(connection: sqlite3.Connection, pages: int) -> bool:
    """Merge parts of the index of words; return whether there was something to merge."""
    before = connection.total_changes
    connection.execute("INSERT INTO item_words(item_words, rank) VALUES ('merge', ?)", (pages,))
    return connection.total_changes - before >= 2  # by SQLite's documentation of FTS5
