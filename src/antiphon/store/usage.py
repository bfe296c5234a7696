"""What was used, summed up by the hour: a dashboard shows months of it at each refresh."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, case, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import Executable

from antiphon.store.schema import usage_hours
from antiphon.wire.kept import UsageGroup

__all__ = ["COUNTED", "UsageRow", "add_usage", "spent_micros", "usage"]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

COUNTED = (
    "responses",
    "failed",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
)
"""Columns that are summed up."""

_COUNT_OF: Mapping[str, Callable[[Mapping[str, Any]], int]] = {
    "responses": lambda _row: 1,
    "failed": lambda row: row["status"] == "failed",
}
"""How often a response counts, for columns that are not among its own."""

_TIMES = ("day", "hour")

_NO_KEY = ""
"""Name of the key where none was needed: a primary key cannot be NULL."""


class UsageRow(NamedTuple):
    """What responses used that are alike in what they are grouped by.

    Attributes:
        alike: The beginning of their day or hour in microseconds since 1970, the name of their
            model and of their key (``None`` where none was needed), as far as they are grouped by
            these.
        counted: Sums by the names of :data:`COUNTED`.
        cost_micros: What they cost, in millionths of the currency; ``None`` if nothing had a price.
    """

    alike: dict[UsageGroup, Any]
    counted: dict[str, int]
    cost_micros: int | None


def add_usage(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add responses to the sums.

    Args:
        connection: In a transaction.
        rows: Their rows, none of which has been added before.
    """
    sums: dict[tuple[int, str, str], dict[str, Any]] = {}
    for row in rows:
        hour = row["created_at"] - row["created_at"] % HOUR_US
        identity = (hour, row["model"], row["key_name"] or _NO_KEY)
        summed = sums.setdefault(
            identity,
            dict(zip(("hour", "model", "key_name"), identity, strict=True))
            | dict.fromkeys(COUNTED, 0)
            | {"cost_micros": None},
        )
        for name in COUNTED:
            summed[name] += _COUNT_OF[name](row) if name in _COUNT_OF else row[name]
        if row["cost_micros"] is not None:
            summed["cost_micros"] = (summed["cost_micros"] or 0) + row["cost_micros"]
    if sums:
        connection.execute(_ADDING[connection.dialect.name], list(sums.values()))


def usage(
    connection: Connection, group_by: Sequence[UsageGroup], since: int, until: int
) -> list[UsageRow]:
    """Return what was used, the newest day or hour first.

    Args:
        connection: To the database.
        group_by: What is told apart.
        since: In microseconds since 1970; the whole hour that it is in counts.
        until: Likewise; what is from then on does not count.
    """
    groups: dict[UsageGroup, ColumnElement[Any]] = {
        "day": usage_hours.c.hour - usage_hours.c.hour % DAY_US,
        "hour": usage_hours.c.hour,
        "model": usage_hours.c.model,
        "key": usage_hours.c.key_name,
    }
    alike = [groups[group].label(f"by_{group}") for group in group_by]
    sums = [func.sum(usage_hours.c[name]).label(name) for name in (*COUNTED, "cost_micros")]
    order = [
        column.desc() if group in _TIMES else column.asc()
        for group, column in zip(group_by, alike, strict=True)
    ]
    query = (
        select(*alike, *sums)
        .where(usage_hours.c.hour >= since - since % HOUR_US, usage_hours.c.hour < until)
        .group_by(*alike)
        .order_by(*order)
        .having(func.count() > 0)  # without groups there would be one row of nothing
    )
    return [_usage_row(group_by, row) for row in connection.execute(query).mappings()]


def spent_micros(connection: Connection, key_name: str | None, since: int) -> int:
    """Return what a key has spent, in millionths of the currency.

    Args:
        connection: To the database.
        key_name: What it is called; ``None`` where none is needed.
        since: In microseconds since 1970; the whole hour that it is in counts.
    """
    of_key = usage_hours.c.key_name == (key_name or _NO_KEY)
    spent = select(func.sum(usage_hours.c.cost_micros)).where(
        usage_hours.c.hour >= since - since % HOUR_US, of_key
    )
    return int(connection.scalar(spent) or 0)


def _usage_row(group_by: Sequence[UsageGroup], row: RowMapping) -> UsageRow:
    alike = {group: row[f"by_{group}"] for group in group_by}
    if "key" in alike:
        alike["key"] = alike["key"] or None
    cost = row["cost_micros"]
    return UsageRow(
        alike,
        {name: int(row[name]) for name in COUNTED},
        None if cost is None else int(cost),
    )


def _adding(dialect: str) -> Executable:
    """Return the statement that adds to the sums there are."""
    inserting = (sqlite if dialect == "sqlite" else postgresql).insert(usage_hours)
    now, more = usage_hours.c, inserting.excluded
    sums: dict[str, Any] = {name: now[name] + more[name] for name in COUNTED}
    sums["cost_micros"] = case(
        (
            or_(now.cost_micros.is_not(None), more.cost_micros.is_not(None)),
            func.coalesce(now.cost_micros, 0) + func.coalesce(more.cost_micros, 0),
        )
    )
    identity = ("hour", "model", "key_name")
    adding: Executable = inserting.on_conflict_do_update(index_elements=identity, set_=sums)
    return adding


_ADDING = {dialect: _adding(dialect) for dialect in ("sqlite", "postgresql")}
