"""``/v1/antiphon/usage``, ``latency`` and ``errors``: what a dashboard shows of all responses."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from antiphon.errors import RequestError
from antiphon.http.answers import json_response
from antiphon.http.parameters import read_parameters
from antiphon.http.responses import page_response
from antiphon.store.finding import find_responses
from antiphon.store.latencies import KEPT_HOURS_S, KEPT_MINUTES_S, latencies
from antiphon.store.store import Store
from antiphon.store.usage import UsageRow, usage
from antiphon.wire.kept import (
    Bucket,
    ErrorsQuery,
    LatencyList,
    LatencyPoint,
    LatencyQuery,
    ResponsesQuery,
    UsageList,
    UsageQuery,
    UsageSum,
)

__all__ = ["Statistics"]

_DAY_S = 24 * 3600

_MOST_DAYS = 400
"""A year and what it is compared with. The sums of so many hours are read in a blink."""


class _Range(NamedTuple):
    """How much time is shown, in seconds: unless something is said of it, and at most."""

    usual_s: float
    most_s: float


_OF_USAGE = _Range(30 * _DAY_S, _MOST_DAYS * _DAY_S)
_OF_LATENCY: dict[Bucket, _Range] = {
    "minute": _Range(3 * 3600, KEPT_MINUTES_S),
    "hour": _Range(2 * _DAY_S, 100 * _DAY_S),
    "day": _Range(30 * _DAY_S, KEPT_HOURS_S),
}


class Statistics:
    """The routes of what responses come to together. All of them need an admin key.

    Args:
        store: Where responses are kept.
        currency: Of their costs.
    """

    def __init__(self, store: Store, currency: str) -> None:
        self._store = store
        self._currency = currency

    async def usage(self, request: Request) -> Response:
        """``GET /v1/antiphon/usage``."""
        query = read_parameters(request.query_params, UsageQuery)
        if len(set(query.group_by)) < len(query.group_by):
            message = (
                "Something is named twice in 'group_by'. Name each of day, hour, model, key once."
            )
            raise RequestError(message, code="invalid_value", param="group_by")
        since, until = _span(query.since, query.until, _OF_USAGE)
        rows = await self._store.reading.run(
            lambda connection: usage(connection, query.group_by, since, until)
        )
        return json_response(UsageList(data=tuple(map(_sum, rows)), currency=self._currency))

    async def latency(self, request: Request) -> Response:
        """``GET /v1/antiphon/latency``."""
        query = read_parameters(request.query_params, LatencyQuery)
        since, until = _span(query.since, query.until, _OF_LATENCY[query.bucket])
        points = await self._store.reading.run(
            lambda connection: latencies(
                connection,
                query.stage,
                query.bucket,
                since=since,
                until=until,
                model=None if query.model is UNSET else query.model,
            )
        )
        told = [
            LatencyPoint(
                at=point.at // 1_000_000,
                count=point.responses,
                p50_ms=point.p50_ms,
                p95_ms=point.p95_ms,
                p99_ms=point.p99_ms,
            )
            for point in points
        ]
        return json_response(LatencyList(stage=query.stage, data=tuple(told)))

    async def errors(self, request: Request) -> Response:
        """``GET /v1/antiphon/errors``."""
        query = read_parameters(request.query_params, ErrorsQuery)
        failed = ResponsesQuery(
            status="failed",
            created_after=query.since,
            created_before=query.until,
            limit=query.limit,
            after=query.after,
        )
        page = await self._store.reading.run(
            lambda connection: find_responses(connection, failed, owner=None)
        )
        return page_response(page, self._currency)


def _span(
    since_s: float | UnsetType, until_s: float | UnsetType, allowed: _Range
) -> tuple[int, int]:
    """Return the span of time that is asked for, in microseconds since 1970.

    Raises:
        RequestError: ``invalid_value``; it ends before it begins, or is too long.
    """
    end_s = time.time() if until_s is UNSET else until_s
    begin_s = end_s - allowed.usual_s if since_s is UNSET else since_s
    if begin_s > end_s:
        message = f"'from' is {begin_s:.0f}, which is after 'to', {end_s:.0f}. Exchange them."
        raise RequestError(message, code="invalid_value", param="from")
    if end_s - begin_s > allowed.most_s:
        message = (
            f"From {begin_s:.0f} to {end_s:.0f} are {end_s - begin_s:.0f} seconds, and at most "
            f"{allowed.most_s:.0f} are shown at once. Begin later, or in 'latency' take longer "
            "buckets."
        )
        raise RequestError(message, code="invalid_value", param="from")
    return max(0, round(begin_s * 1_000_000)), round(end_s * 1_000_000)


def _sum(row: UsageRow) -> UsageSum:
    day, hour = row.alike.get("day"), row.alike.get("hour")
    return UsageSum(
        day=UNSET if day is None else _date(day),
        hour=UNSET if hour is None else hour // 1_000_000,
        model=row.alike.get("model", UNSET),
        key=row.alike.get("key", UNSET),
        cost=None if row.cost_micros is None else row.cost_micros / 1_000_000,
        **row.counted,
    )


def _date(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).date().isoformat()
