"""What a store does while nothing is to be written: forgets what is too old or too much.

Everything is done in steps of some milliseconds, so that what comes meanwhile is written soon.
"""

from __future__ import annotations

import sqlite3
import threading
import time

from sqlalchemy import Connection

from antiphon.store.choices import StoreChoice
from antiphon.store.reclaiming import Progress, Reclaiming
from antiphon.store.retention import STEP, prune, too_much, too_old

__all__ = ["SWEEP_EVERY_S", "Upkeep"]

SWEEP_EVERY_S = 60.0
"""How often it is looked for what is too old, or too much."""

_MEASURE_EVERY_S = 3600.0
"""How often PostgreSQL is asked how much is kept, for which it reads through all of it."""

_BLOCKED_S = 5.0
"""When deleted pages are taken out of the log again, if somebody was reading them."""

_RECLAIM_EVERY_S = 60.0
"""How often what has been deleted is taken out of the files, which reads and writes the whole index
of words. The first time it is done at once."""


class Upkeep:
    """Says what is due, and does it. All but :meth:`reclaim` is called on the writer's thread.

    Args:
        choice: How long anything is kept, and how much.
        is_sqlite: Whether the database is a file.
    """

    def __init__(self, choice: StoreChoice, *, is_sqlite: bool) -> None:
        self._choice = choice
        self._is_sqlite = is_sqlite
        self._has_limits = choice.max_age_days is not None or choice.max_size_mb is not None
        self._sweep_at_s = time.monotonic()
        self._measure_at_s = time.monotonic()
        self._before_us: int | None = None  # what the sweep that is going on deletes
        self._deleted = threading.Event()  # something was, and is to be taken out of the files
        self._reclaiming: Reclaiming | None = None
        self._began_at_s = self._reclaim_at_s = 0.0

    def reclaim(self) -> None:
        """Have what has been deleted taken out of the database's files. From any thread."""
        if self._is_sqlite:
            self._deleted.set()

    def wait_s(self) -> float | None:
        """Return how long there is nothing to do, in seconds; ``None`` for ever."""
        now_s = time.monotonic()
        due = [self._reclaim_at_s] if self._reclaiming or self._deleted.is_set() else []
        if self._has_limits:
            due.append(now_s if self._before_us is not None else self._sweep_at_s)
        return max(0.0, min(due) - now_s) if due else None

    def is_due(self) -> bool:
        """Say whether there is something to do."""
        return self.wait_s() == 0.0

    def step(self, connection: Connection) -> None:
        """Do a little of what is due.

        Args:
            connection: In no transaction.
        """
        now_s = time.monotonic()
        reclaims = self._reclaiming is not None or self._deleted.is_set()
        # Only what has been reclaimed counts as gone where it is measured how much there is.
        if self._before_us is None and reclaims and now_s >= self._reclaim_at_s:
            self._reclaim(connection, now_s)
        else:
            self._sweep(connection, now_s)

    def _sweep(self, connection: Connection, now_s: float) -> None:
        with connection.begin():
            if self._before_us is None:
                self._before_us = self._oldest_to_keep(connection, now_s)
            found = prune(connection, self._before_us) if self._before_us is not None else 0
        if found:
            self.reclaim()
            self._reclaim_at_s = now_s
        if found < STEP:  # of neither responses nor items there are more
            self._before_us = None
            self._sweep_at_s = now_s + SWEEP_EVERY_S

    def _oldest_to_keep(self, connection: Connection, now_s: float) -> int | None:
        """Return before when everything is to go; ``None`` if nothing is."""
        bounds = []
        if self._choice.max_age_days is not None:
            bounds.append(too_old(self._choice.max_age_days, time.time_ns() // 1000))
        if self._choice.max_size_mb is not None and now_s >= self._measure_at_s:
            self._measure_at_s = now_s + (0.0 if self._is_sqlite else _MEASURE_EVERY_S)
            bounds.append(too_much(connection, self._choice.max_size_mb) or 0)
        return max(bounds, default=None)

    def _reclaim(self, connection: Connection, now_s: float) -> None:
        if self._reclaiming is None:
            self._deleted.clear()
            self._reclaiming = Reclaiming()
            self._began_at_s = now_s
        opened = connection.connection.driver_connection
        assert isinstance(opened, sqlite3.Connection), "only files are reclaimed"
        match self._reclaiming.step(opened):
            case Progress.DONE:
                self._reclaiming = None
                self._reclaim_at_s = self._began_at_s + _RECLAIM_EVERY_S
            case Progress.BLOCKED:
                self._reclaim_at_s = now_s + _BLOCKED_S
            case Progress.MORE:
                pass
