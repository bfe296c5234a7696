"""What the log is told of a database that cannot be written to, at most once a minute."""

from __future__ import annotations

import logging
import time

from sqlalchemy.exc import DBAPIError

from antiphon.store.queue import StoreFigures

__all__ = ["Complaints", "reason_of"]

_log = logging.getLogger(__name__)

_LOG_EVERY_S = 60.0


class Complaints:
    """What is wrong with the writing.

    Args:
        database_name: What the log calls the database.
    """

    def __init__(self, database_name: str) -> None:
        self._database_name = database_name
        self._logged_at_s = -_LOG_EVERY_S
        self._told_lost = 0

    def fail(self, error: Exception, figures: StoreFigures) -> None:
        """Say why nothing can be written."""
        if self._is_due():
            _log.error(
                "nothing can be written to %s: %s; %d records wait, %d are lost",
                self._database_name,
                reason_of(error),
                figures.queued,
                figures.lost,
            )

    def lose(self, lost: int) -> None:
        """Say if more comes than can be written.

        Args:
            lost: Records, since the start.
        """
        if lost > self._told_lost and self._is_due():
            _log.error("%d records are lost: more came than could be written", lost)
            self._told_lost = lost

    def recover(self, lost: int) -> None:
        """Say that it can be written again, and what is lost since the start."""
        self._logged_at_s = -_LOG_EVERY_S
        self._told_lost = lost
        _log.warning("%s can be written to again; %d records are lost", self._database_name, lost)

    def _is_due(self) -> bool:
        now_s = time.monotonic()
        if now_s - self._logged_at_s < _LOG_EVERY_S:
            return False
        self._logged_at_s = now_s
        return True


def reason_of(error: Exception) -> str:
    """Return what is wrong, without the statement and the values that SQLAlchemy adds."""
    return str(error.orig if isinstance(error, DBAPIError) else error).strip()
