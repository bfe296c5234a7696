"""Reads from the database, on a few threads and connections of its own."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from antiphon.errors import StoreError
from antiphon.store.databases import LONGEST_QUERY_S, MAX_READERS, Database

__all__ = ["Reading"]

_T = TypeVar("_T")

_CHECKED_EVERY = 100_000
"""Steps of SQLite between looks at the clock: about a millisecond."""


class Reading:
    """Runs queries, as many at once as there are connections; others wait their turn.

    Args:
        database: Prepared.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(MAX_READERS, thread_name_prefix="antiphon-reading")

    async def run(self, query: Callable[[Connection], _T]) -> _T:
        """Return what a query finds.

        Args:
            query: Called on a thread, with a connection that can only read.

        Raises:
            StoreError: The database cannot be read, or not within
                :data:`~antiphon.store.databases.LONGEST_QUERY_S`.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._run, query)

    def close(self) -> None:
        """Take no more queries; those that run are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, query: Callable[[Connection], _T]) -> _T:
        try:
            with self._database.read() as connection:
                _limit(connection)
                return query(connection)
        except (DBAPIError, NoConnectionError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            message = f"The database cannot be read at the moment: {str(reason).strip()}"
            raise StoreError(message) from error


def _limit(connection: Connection) -> None:
    """Have SQLite give up what takes too long; PostgreSQL does so by itself."""
    opened = connection.connection.driver_connection
    if isinstance(opened, sqlite3.Connection):
        until_s = time.monotonic() + LONGEST_QUERY_S
        opened.set_progress_handler(lambda: time.monotonic() > until_s, _CHECKED_EVERY)
