"""Reads from the database, on a few threads and connections of its own."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from antiphon.errors import StoreError
from antiphon.store.databases import LONGEST_QUERY_S, MAX_READERS, Database

__all__ = ["Reading"]

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_CHECKED_EVERY = 100_000
"""Steps of SQLite between looks at the clock: about a millisecond."""

_CLOSING_S = 2.0
"""How long PostgreSQL may take to give up what it is asked when the server ends."""

_AGAIN_S = 0.05
"""When it is told once more. A query that was about to begin has missed it."""


class Reading:
    """Runs queries, as many at once as there are connections; others wait their turn.

    Args:
        database: Prepared.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(MAX_READERS, thread_name_prefix="antiphon-reading")
        self._closing = threading.Event()
        self._lock = threading.Lock()  # of what follows
        self._asking: set[Any] = set()  # connections of PostgreSQL

    async def run(self, query: Callable[[Connection], _T]) -> _T:
        """Return what a query finds.

        Args:
            query: Called on a thread, with a connection that can only read.

        Raises:
            StoreError: The database cannot be read, or not within
                :data:`~antiphon.store.databases.LONGEST_QUERY_S`, or the store closes.
        """
        if self._closing.is_set():
            raise _closed()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._run, query)

    def close(self) -> None:
        """Take no more queries, and have those that run given up. Blocks, for two seconds at most.

        The process could not end before they do: Python waits for its threads.
        """
        self._closing.set()
        self._threads.shutdown(wait=False)
        until_s = time.monotonic() + _CLOSING_S
        while self._asking and time.monotonic() < until_s:
            self._cancel_all()
            time.sleep(_AGAIN_S)

    def _run(self, query: Callable[[Connection], _T]) -> _T:
        if self._closing.is_set():
            raise _closed()
        try:
            with self._database.read() as connection, self._limited(connection):
                return query(connection)
        except (DBAPIError, NoConnectionError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            message = f"The database cannot be read at the moment: {str(reason).strip()}"
            raise StoreError(message) from error

    @contextmanager
    def _limited(self, connection: Connection) -> Iterator[None]:
        """Have a query be given up that takes too long, or when the store closes."""
        opened: Any = connection.connection.driver_connection
        if isinstance(opened, sqlite3.Connection):
            until_s = time.monotonic() + LONGEST_QUERY_S
            opened.set_progress_handler(
                lambda: self._closing.is_set() or time.monotonic() > until_s, _CHECKED_EVERY
            )
            yield
            return
        with self._lock:  # PostgreSQL has the time limit itself
            self._asking.add(opened)
        try:
            if self._closing.is_set():  # whoever cancels may not have seen it
                raise _closed()
            yield
        finally:
            with self._lock:
                self._asking.discard(opened)

    def _cancel_all(self) -> None:
        with self._lock:
            for opened in self._asking:
                try:
                    opened.cancel_safe(timeout=_CLOSING_S)
                except Exception as error:  # it has gone, and its thread learns that by itself
                    _log.debug("a query could not be cancelled: %s", error)


def _closed() -> StoreError:
    return StoreError("The store is closed.")
