"""How long the stages of responses took, as histograms by the minute and by the hour.

Percentiles of a month would need every response of it. What is kept instead is how many fell into
each bin, as DDSketch has them (Masson, Rim and Lee, 2019): the bounds of the bins grow by 4 %, so
what is told is within 2 % of the value, wherever it lies. Histograms of hours added up are the
histogram of their day, which the percentiles of hours could not be.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import Executable

from antiphon.observe import STAGES, stages_ms
from antiphon.store.schema import latency_counts
from antiphon.wire.kept import Bucket, Stage

__all__ = ["KEPT_HOURS_S", "KEPT_MINUTES_S", "Latency", "add_latencies", "latencies"]

KEPT_MINUTES_S = 2 * 24 * 3600
"""How long histograms of minutes are kept."""

KEPT_HOURS_S = 400 * 24 * 3600
"""How long those of hours are: a year and what it is compared with."""

_GROWTH = 1.04
_MINUTE_S = 60
_HOUR_S = 3600
_KEPT_S = {_MINUTE_S: KEPT_MINUTES_S, _HOUR_S: KEPT_HOURS_S}
_SECOND_US = 1_000_000

_WIDTHS_S: Mapping[Bucket, tuple[int, int]] = {
    "minute": (_MINUTE_S, _MINUTE_S),
    "hour": (_HOUR_S, _HOUR_S),
    "day": (24 * _HOUR_S, _HOUR_S),
}
"""How long a span is, and those of the histograms that it is made of."""


class Latency(NamedTuple):
    """How long a stage took in a span of time.

    Attributes:
        at: Where the span begins, in microseconds since 1970.
        responses: Of how many.
        p50_ms: Half of them took no longer.
        p95_ms: 95 of 100 took no longer.
        p99_ms: 99 of 100 took no longer.
    """

    at: int
    responses: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


def add_latencies(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Count how long the stages of responses took, and forget what is long ago.

    Args:
        connection: In a transaction.
        rows: Their rows, none of which has been added before.
    """
    counts: Counter[tuple[int, str, int, str, int]] = Counter()
    for row in rows:
        moments_ms = msgspec.json.decode(row["moments"], type=dict[str, float])
        for stage, took_ms in stages_ms(moments_ms).items():
            for width_s in (_MINUTE_S, _HOUR_S):
                at = row["created_at"] - row["created_at"] % (width_s * _SECOND_US)
                counts[width_s, stage, at, row["model"], _bin(took_ms)] += 1
    if not counts:
        return
    names = ("width_s", "stage", "at", "model", "bin")
    connection.execute(
        _ADDING[connection.dialect.name],
        [
            dict(zip(names, identity, strict=True)) | {"count": count}
            for identity, count in counts.items()
        ],
    )
    newest = max(row["created_at"] for row in rows)
    for width_s, kept_s in _KEPT_S.items():
        before = newest - kept_s * _SECOND_US
        connection.execute(_FORGETTING, {"width": width_s, "before": before})


def latencies(
    connection: Connection,
    stage: Stage,
    bucket: Bucket,
    *,
    since: int,
    until: int,
    model: str | None = None,
) -> list[Latency]:
    """Return how long a stage took, span by span, oldest first; those without responses left out.

    Args:
        connection: To the database.
        stage: What is timed.
        bucket: How long a span is. Days are those of UTC.
        since: In microseconds since 1970; the whole span that it is in counts.
        until: Likewise; what is from then on does not count.
        model: The model whose responses count; ``None`` for all.
    """
    width_us, width_s = _WIDTHS_S[bucket][0] * _SECOND_US, _WIDTHS_S[bucket][1]
    counted = latency_counts.c
    at = (counted.at - counted.at % width_us).label("span")
    query = (
        select(at, counted.bin, func.sum(counted["count"]).label("times"))
        .where(
            counted.width_s == width_s,
            counted.stage == stage,
            counted.at >= since - since % width_us,
            counted.at < until,
        )
        .group_by(at, counted.bin)
        .order_by(at, counted.bin)
    )
    if model is not None:
        query = query.where(counted.model == model)
    return list(_spans((row.span, row.bin, int(row.times)) for row in connection.execute(query)))


def _spans(rows: Iterable[tuple[int, int, int]]) -> Iterator[Latency]:
    for at, bins in groupby(rows, lambda row: row[0]):
        histogram = [(number, times) for _, number, times in bins]
        total = sum(times for _, times in histogram)
        yield Latency(
            at, total, *(_percentile(histogram, total, share) for share in (0.50, 0.95, 0.99))
        )


def _percentile(histogram: Sequence[tuple[int, int]], total: int, share: float) -> float:
    """Return the value that this share of all are not above: the nearest rank.

    Args:
        histogram: Bins and how many are in each, in order.
        total: How many there are together.
        share: Above 0, at most 1.
    """
    rank = math.ceil(share * total)
    passed = 0
    for number, times in histogram:
        passed += times
        if passed >= rank:
            return _value_ms(number)
    message = f"{total} values were counted, and the bins have {passed}"
    raise AssertionError(message)


def _bin(took_ms: float) -> int:
    """Return the bin of a duration; below a millisecond all are alike."""
    return math.ceil(math.log(took_ms, _GROWTH)) if took_ms > 1 else 0


def _value_ms(number: int) -> float:
    """Return the value that is nearest to all of a bin, relative to them."""
    return round(2 * _GROWTH**number / (_GROWTH + 1), 1)


def _adding(dialect: str) -> Executable:
    inserting = (sqlite if dialect == "sqlite" else postgresql).insert(latency_counts)
    adding: Executable = inserting.on_conflict_do_update(
        index_elements=("width_s", "stage", "at", "model", "bin"),
        set_={"count": latency_counts.c["count"] + inserting.excluded["count"]},
    )
    return adding


_ADDING = {dialect: _adding(dialect) for dialect in ("sqlite", "postgresql")}

_FORGETTING = delete(latency_counts).where(
    latency_counts.c.width_s == bindparam("width"),
    latency_counts.c.stage.in_(tuple(STAGES)),  # all there are; with them the index is used
    latency_counts.c.at < bindparam("before"),
)
