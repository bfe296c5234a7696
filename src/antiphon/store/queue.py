"""What waits to be written: records, and what else is to be done with the database, in order.

Filled from any thread, emptied by the writer's. What it has no room for is lost, and counted.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection

from antiphon.errors import StoreError
from antiphon.store.records import Record, size_bytes

__all__ = ["QUEUE_BYTES", "Job", "RecordQueue", "StoreFigures"]

_T = TypeVar("_T")

QUEUE_BYTES = 64 << 20
"""Records that may wait, 64 MiB: some hours without a database, or some minutes with audio."""

_BATCH_RECORDS = 500
"""Written in one transaction at most, so that nobody else waits long."""

_BATCH_BYTES = 8 << 20


class StoreFigures(NamedTuple):
    """How the writing goes.

    Attributes:
        queued: Records that wait.
        queued_bytes: About how much memory they take.
        written: Records written since the start.
        lost: Records that could not be kept, since the start.
        failing_since_s: Since when nothing can be written, seconds since 1970; ``None`` if all is
            well.
    """

    queued: int
    queued_bytes: int
    written: int
    lost: int
    failing_since_s: float | None


class Job(NamedTuple):
    """Something else to do with the database, in its turn.

    Attributes:
        work: Does it.
        done: What came of it.
    """

    work: Callable[[Connection], Any]
    done: Future[Any]


class RecordQueue:
    """Bounded in bytes. Only one thread may take, forget and end.

    Args:
        most_bytes: How much may wait.
    """

    def __init__(self, most_bytes: int = QUEUE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()  # of all that follows
        self._queue: deque[Record | Job] = deque()
        self._queued_bytes = 0
        self._written = 0
        self._lost = 0
        self._has_ended = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._queue

    def figures(self, failing_since_s: float | None) -> StoreFigures:
        """Return how the writing goes, since when it fails included."""
        with self._lock:
            return StoreFigures(
                len(self._queue), self._queued_bytes, self._written, self._lost, failing_since_s
            )

    def put(self, record: Record) -> None:
        """Add a record, if there is room for it."""
        size = size_bytes(record)
        with self._lock:
            if self._queued_bytes + size > self._most_bytes:
                self._lost += 1
            else:
                self._queue.append(record)
                self._queued_bytes += size

    def submit(self, work: Callable[[Connection], _T]) -> Future[_T]:
        """Add something else to do; return what will come of it.

        The future fails with :class:`~antiphon.errors.StoreError` at once if the queue has ended.
        """
        job = Job(work, Future())
        with self._lock:
            if not self._has_ended:
                self._queue.append(job)
                return job.done
        job.done.set_exception(_closed())
        return job.done

    def take(self) -> tuple[list[Record], Job | None]:
        """Return what is next: records, which stay in the queue until they are forgotten, or a job.

        Returns:
            No more records than belong into one transaction; none if a job is next.
        """
        records: list[Record] = []
        size = 0
        with self._lock:
            for one in self._queue:
                if isinstance(one, Job):
                    if not records:
                        self._queue.popleft()
                        return [], one
                    break
                records.append(one)
                size += size_bytes(one)
                if len(records) >= _BATCH_RECORDS or size >= _BATCH_BYTES:
                    break
        return records, None

    def forget(self, records: list[Record], *, lost: int) -> None:
        """Take records out of the queue, which are the first in it.

        Args:
            records: As they were taken.
            lost: How many of them could not be written.
        """
        with self._lock:
            for record in records:
                self._queue.popleft()
                self._queued_bytes -= size_bytes(record)
            self._written += len(records) - lost
            self._lost += lost

    def fail_jobs(self, error: StoreError) -> None:
        """Have all jobs that wait fail; records wait on."""
        with self._lock:
            jobs = [one for one in self._queue if isinstance(one, Job)]
            self._queue = deque(one for one in self._queue if not isinstance(one, Job))
        for job in jobs:
            if job.done.set_running_or_notify_cancel():
                job.done.set_exception(error)

    def end(self) -> None:
        """Take no more jobs, and have those fail that wait."""
        with self._lock:
            self._has_ended = True
        self.fail_jobs(_closed())


def _closed() -> StoreError:
    return StoreError("The store is closed.")
