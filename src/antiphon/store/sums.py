"""Keeps the sums over responses up to date: what was used, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from antiphon.store.latencies import add_latencies
from antiphon.store.schema import responses
from antiphon.store.usage import add_usage

__all__ = ["add_to_sums"]


def add_to_sums(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add responses to the sums, before they are written.

    Each counts once, also if a connection was lost before its end was known and they are written
    again.

    Args:
        connection: In the transaction that writes them.
        rows: Their rows.
    """
    by_id = {row["id"]: row for row in rows}
    if not by_id:
        return
    known = connection.scalars(select(responses.c.id).where(responses.c.id.in_(by_id)))
    for response_id in known:
        del by_id[response_id]
    new = tuple(by_id.values())
    add_usage(connection, new)
    add_latencies(connection, new)
