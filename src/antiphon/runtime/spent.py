"""What keys have spent before this server was started, as far as the store knows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from antiphon.errors import StoreError
from antiphon.runtime.costs import MICROS, Spent, month_and_day
from antiphon.store.store import Store
from antiphon.store.usage import usage

__all__ = ["spent_before"]

_log = logging.getLogger(__name__)


async def spent_before(store: Store, now_s: float) -> dict[str | None, Spent]:
    """Return what each key has spent of this day's and this month's allowance.

    A store that cannot be read costs the operator money at worst, and nobody a call: a log line
    says so, and all keys begin with nothing spent.

    Args:
        store: Where responses are kept with their costs.
        now_s: Seconds since 1970.
    """
    month, day = month_and_day(now_s)
    try:
        of_month = await store.reading.run(_by_key(month, now_s))
        of_day = await store.reading.run(_by_key(day, now_s))
    except StoreError as error:
        _log.warning("limits of what keys may spend begin anew: %s", error)
        return {}
    return {key: Spent(of_day.get(key, 0), micros) for key, micros in of_month.items()}


def _by_key(since: datetime, now_s: float) -> Callable[[Connection], dict[str | None, int]]:
    since_us, until_us = round(since.timestamp() * MICROS), round(now_s * MICROS)

    def query(connection: Connection) -> dict[str | None, int]:
        rows = usage(connection, ("key",), since_us, until_us)
        return {row.alike["key"]: row.cost_micros or 0 for row in rows}

    return query
