"""Keeps responses and conversations: the writing, the reading, and how both are doing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from antiphon.store.choices import StoreChoice
from antiphon.store.databases import Database
from antiphon.store.queue import StoreFigures
from antiphon.store.reading import Reading
from antiphon.store.records import Record
from antiphon.store.upkeep import Upkeep
from antiphon.store.writer import Writer

__all__ = ["Store", "open_store"]

_T = TypeVar("_T")

_CLOSING_S = 5.0
"""How long what waits may take to be written when the server ends."""


class Store:
    """Made by :func:`open_store`.

    Attributes:
        reading: Runs queries.
    """

    def __init__(self, database: Database, choice: StoreChoice) -> None:
        self.reading = Reading(database)
        self._upkeep = Upkeep(choice, is_sqlite=database.is_sqlite)
        self._writer = Writer(database, self._upkeep, on_reopened=database.release)

    def put(self, record: Record) -> None:
        """Have a record kept. It is written within a quarter of a second.

        Takes microseconds, never waits and never raises: what cannot be kept is lost, and counted.
        """
        self._writer.put(record)

    async def flush(self) -> None:
        """Wait until all that has been put is written.

        Raises:
            StoreError: The database cannot be written to at the moment.
        """
        await asyncio.wrap_future(self._writer.submit(_nothing))

    async def change(self, work: Callable[[Connection], _T]) -> _T:
        """Change what is kept, after all that has been put before is written.

        What this deletes is afterwards taken out of the database's files as well.

        Args:
            work: Called on the writer's thread, in a transaction of its own. Nothing is written
                meanwhile, so it has to be quick.

        Raises:
            StoreError: The database cannot be written to at the moment; nothing is changed.
        """

        def work_and_reclaim(connection: Connection) -> _T:
            result = work(connection)
            self._upkeep.reclaim()
            return result

        return await asyncio.wrap_future(self._writer.submit(work_and_reclaim))

    def figures(self) -> StoreFigures:
        """Return how the writing goes."""
        return self._writer.figures

    def start(self) -> None:
        """Begin to write."""
        self._writer.start()

    def close(self) -> None:
        """Write what waits, for a few seconds at most, and end. Blocks."""
        self._writer.stop(_CLOSING_S)
        self.reading.close()


@asynccontextmanager
async def open_store(choice: StoreChoice, home: Path) -> AsyncIterator[Store]:
    """Open the store, make its tables or bring them up to date, and keep it until the end.

    Args:
        choice: Where it is, what is kept and for how long.
        home: Where the server keeps what it has.

    Raises:
        ConfigurationError: The URL is to be taken from a variable that is not set.
        StoreError: The database cannot be opened.
    """
    database = Database(choice.location(home))
    await asyncio.to_thread(database.prepare)
    store = Store(database, choice)
    store.start()
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)
        database.release()


def _nothing(_connection: Connection) -> None:
    """Be reached in one's turn."""
