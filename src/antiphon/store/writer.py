"""Writes records to the database, on a thread of its own and many at a time.

Whoever puts records never waits. They wait in a queue, for at most :data:`GATHERING_S` while the
database is well. While it is not, they wait for it to come back, and what does not fit into the
queue meanwhile is lost, counted, and told of in the log.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from antiphon.errors import StoreError
from antiphon.store.complaints import Complaints, reason_of
from antiphon.store.databases import Database, complete
from antiphon.store.queue import Job, RecordQueue, StoreFigures
from antiphon.store.records import ItemDeleted, Record
from antiphon.store.rows import write
from antiphon.store.upkeep import Upkeep

__all__ = ["GATHERING_S", "Writer"]

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

GATHERING_S = 0.2
"""How long records gather before they are written."""

_FIRST_RETRY_S = 0.25
_LAST_RETRY_S = 5.0

_TOO_MUCH = "54"
"""Class of PostgreSQL's error codes for what is larger than it takes, as in an index."""

_UNREACHABLE = (DBAPIError, sqlite3.Error, OSError, StoreError)
"""What is wrong with the database: everything waits. All else is wrong with what is written."""


class Writer:
    """Writes, from :meth:`start` to :meth:`stop`.

    Args:
        database: Prepared.
        upkeep: What is done while nothing is to be written.
        on_reopened: Called on the writer's thread when another file has taken the database's place.
    """

    def __init__(
        self, database: Database, upkeep: Upkeep, *, on_reopened: Callable[[], None]
    ) -> None:
        self._database = database
        self._upkeep = upkeep
        self._on_reopened = on_reopened
        self._thread = threading.Thread(target=self._run, name="antiphon-store", daemon=True)
        self._queue = RecordQueue()
        self._complaints = Complaints(database.name)
        self._failing_since_s: float | None = None
        self._news = threading.Event()
        self._hurry = threading.Event()
        self._stopping = threading.Event()
        self._connection: Connection | None = None

    # --- for everybody ----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Write what waits, and end. Blocks.

        Args:
            timeout_s: What cannot be written by then is lost.
        """
        self._stopping.set()
        self._news.set()
        self._hurry.set()
        self._thread.join(timeout_s)

    def put(self, record: Record) -> None:
        """Have a record written. Takes microseconds, never waits, never raises."""
        self._queue.put(record)
        self._news.set()

    def submit(self, work: Callable[[Connection], _T]) -> Future[_T]:
        """Have something done in a transaction of its own, after what has been put before.

        The future fails with :class:`~antiphon.errors.StoreError` if the database cannot be
        written to, and with whatever ``work`` raises.
        """
        done = self._queue.submit(work)
        self._news.set()
        self._hurry.set()
        return done

    @property
    def figures(self) -> StoreFigures:
        """How the writing goes."""
        return self._queue.figures(self._failing_since_s)

    # --- on the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        retry_s = _FIRST_RETRY_S
        while True:
            self._wait_for_news()
            try:
                self._write_all()
                self._upkeep_while_idle()
            except Exception as error:
                if not _is_unreachable(error):
                    _log.exception("the store made a mistake")
                self._fail(error)
                if self._stopping.is_set():
                    break
                self._hurry.wait(retry_s)
                self._hurry.clear()
                retry_s = min(2 * retry_s, _LAST_RETRY_S)
                continue
            retry_s = _FIRST_RETRY_S
            self._complaints.lose(self.figures.lost)
            if self._stopping.is_set() and self._queue.is_empty:
                break
        self._queue.end()
        self._disconnect()

    def _wait_for_news(self) -> None:
        """Wait until there is something to do, and until more has gathered."""
        if self._queue.is_empty and self._failing_since_s is None:
            self._news.wait(self._upkeep.wait_s())
        self._news.clear()
        if not self._stopping.is_set():
            self._hurry.wait(GATHERING_S)
        self._hurry.clear()

    def _write_all(self) -> None:
        while not self._queue.is_empty:
            records, job = self._queue.take()
            if records:
                self._write(records)
            if job is not None:
                self._do(job)
        if self._failing_since_s is not None:
            self._connected()  # nothing waits: see whether the database is back
            self._recover()

    def _write(self, records: list[Record]) -> None:
        try:
            self._transact(partial(write, records=records))
        except Exception as error:
            if _is_unreachable(error):
                raise
            self._write_singly(records)
        else:
            self._queue.forget(records, lost=0)
        if any(isinstance(record, ItemDeleted) for record in records):
            self._upkeep.reclaim()
        self._recover()

    def _write_singly(self, records: list[Record]) -> None:
        """Write records one by one, without those that cannot be written."""
        for record in records:
            try:
                self._transact(partial(write, records=[record]))
            except Exception as error:
                if _is_unreachable(error):
                    raise
                # Neither the record nor the statement: both may hold what was said.
                _log.error("a %s cannot be kept: %s", type(record).__name__, type(error).__name__)
                self._queue.forget([record], lost=1)
            else:
                self._queue.forget([record], lost=0)

    def _do(self, job: Job) -> None:
        if not job.done.set_running_or_notify_cancel():
            return
        try:
            result = self._transact(job.work)
        except Exception as error:
            if _is_unreachable(error):
                job.done.set_exception(_not_now(error))
                raise
            job.done.set_exception(error)
        else:
            job.done.set_result(result)
            self._recover()

    def _transact(self, work: Callable[[Connection], _T]) -> _T:
        with self._connected().begin():
            assert self._connection is not None, "it has just been connected"
            return work(self._connection)

    def _connected(self) -> Connection:
        """Return the connection, a new one if the old one is of no use any more."""
        if self._connection is not None and self._database.is_elsewhere():
            _log.warning("the database %s has gone; making it anew", self._database.name)
            complete(self._connection)
            self._disconnect()
            self._on_reopened()
        if self._connection is None:
            if self._failing_since_s is not None or self._database.is_elsewhere():
                self._database.prepare()
            self._connection = self._database.connect()
        return self._connection

    def _upkeep_while_idle(self) -> None:
        """Keep the database small, as long as nothing is to be written."""
        while self._queue.is_empty and not self._stopping.is_set():
            if not self._upkeep.is_due():
                return
            self._upkeep.step(self._connected())

    # --- when it fails ----------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        self._disconnect()
        if self._failing_since_s is None:
            self._failing_since_s = time.time()
        self._queue.fail_jobs(_not_now(error))
        self._complaints.fail(error, self.figures)

    def _recover(self) -> None:
        if self._failing_since_s is not None:
            self._failing_since_s = None
            self._complaints.recover(self.figures.lost)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except DBAPIError as error:
                _log.debug("%s: closing failed: %s", self._database.name, reason_of(error))


def _is_unreachable(error: Exception) -> bool:
    if isinstance(error, DataError | IntegrityError):
        return False
    code = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return isinstance(error, _UNREACHABLE) and not str(code).startswith(_TOO_MUCH)


def _not_now(error: Exception) -> StoreError:
    return StoreError(f"The database cannot be used at the moment: {reason_of(error)}")
