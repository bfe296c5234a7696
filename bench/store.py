"""How long it takes to find responses again, among a million.

::

    python -m bench.store                                  # SQLite; makes the database at first
    python -m bench.store --responses 100000 --plans
    python -m bench.store --url postgresql://localhost/bench

Percentiles are of many queries of each kind, each with other values, one after the other, in the
order in which a page of a dashboard would ask them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import click
from sqlalchemy import Connection, event, func, select

from antiphon.store.databases import Database
from antiphon.store.finding import find_responses
from antiphon.store.latencies import latencies
from antiphon.store.schema import responses
from antiphon.store.usage import usage
from antiphon.wire.kept import ResponsesQuery
from bench.common import load_average, print_table, summary
from bench.store_rows import DAYS, EXPERIMENTS, KEYS, MODELS, RARE_WORDS, SESSION, TENANTS, fill

_DAY_S = 24 * 3600
_MONTH_US = DAYS * _DAY_S * 1_000_000

Query = Callable[[Connection], object]


class Kinds:
    """The kinds of queries, each with other values each time.

    Args:
        connection: To the filled database.
        count: How many responses are in it.
    """

    def __init__(self, connection: Connection, count: int) -> None:
        self._chance = random.Random(1)  # noqa: S311 (the same queries each time)
        self._count = count
        self._newest_s = (connection.scalar(select(func.max(responses.c.created_at))) or 0) / 1e6

    def all(self) -> dict[str, Callable[[], Query]]:
        """Return what makes a query of each kind, by what the kind is called."""
        return {
            "one pair, rare (a caller)": lambda: self._find(metadata=self._caller()),
            "one pair (a tenant)": lambda: self._find(metadata=self._tenant()),
            "one pair, half of all": lambda: self._find(metadata=self._experiment()),
            "two pairs": lambda: self._find(metadata=self._tenant() | self._experiment()),
            "two pairs that never meet": lambda: self._find(
                metadata=self._caller(0) | {"tenant": "tenant-1"}
            ),
            "a pair, with the key of a user": self._of_a_key,
            "a pair and a rare status": lambda: self._find(
                metadata=self._experiment(), status="failed"
            ),
            "status, model, a day": lambda: self._find(
                status="failed", model=MODELS[-1], **self._a_day()
            ),
            "a session": lambda: self._find(session_id=f"sess_{self._session():021}"),
            "a rare word": lambda: self._find(text=self._word()),
            "two common words": lambda: self._find(text="refund invoice"),
            "a rare word and a pair": lambda: self._find(
                text=self._word(), metadata=self._experiment()
            ),
            "the newest": self._find,
            "a page from anywhere": lambda: self._find(after=self._response()),
            "a page from anywhere, one pair": lambda: self._find(
                after=self._response(), metadata=self._experiment()
            ),
            "usage of a month": lambda: self._usage,
            "latencies of a month by days": lambda: self._latencies,
        }

    def _find(self, **wanted: Any) -> Query:  # noqa: ANN401 (fields of a query)
        query = ResponsesQuery(**wanted)
        return lambda connection: find_responses(connection, query, None)

    def _of_a_key(self) -> Query:
        query, key = ResponsesQuery(metadata=self._tenant()), self._chance.choice(KEYS[:4])
        return lambda connection: find_responses(connection, query, key)

    def _usage(self, connection: Connection) -> object:
        until = int(self._newest_s * 1e6)
        return usage(connection, ("day", "model", "key"), until - _MONTH_US, until)

    def _latencies(self, connection: Connection) -> object:
        until = int(self._newest_s * 1e6)
        return latencies(connection, "voice_to_voice", "day", since=until - _MONTH_US, until=until)

    def _session(self) -> int:
        return self._chance.randrange(self._count // SESSION)

    def _response(self) -> str:
        return f"resp_{self._chance.randrange(self._count):021}"

    def _caller(self, session: int | None = None) -> dict[str, str]:
        return {"caller": f"+49{self._session() if session is None else session:09}"}

    def _tenant(self) -> dict[str, str]:
        return {"tenant": f"tenant-{self._chance.randrange(TENANTS)}"}

    def _experiment(self) -> dict[str, str]:
        return {"experiment": self._chance.choice(EXPERIMENTS)}

    def _word(self) -> str:
        return f"word{self._chance.randrange(RARE_WORDS)}"

    def _a_day(self) -> dict[str, float]:
        begin_s = self._newest_s - self._chance.uniform(1, DAYS) * _DAY_S
        return {"created_after": begin_s, "created_before": begin_s + _DAY_S}


def _filled(url: str, count: int) -> Database:
    """Return the database, which is filled if it is new."""
    database = Database(url)
    database.prepare()
    with database.connect() as connection:
        with connection.begin():
            present = connection.scalar(select(func.count()).select_from(responses)) or 0
        if not present:
            begin = time.perf_counter()
            fill(connection, count)
            print(f"Filled in {time.perf_counter() - begin:.0f} s.")
        elif present != count:
            message = f"{database.name} has {present} responses; take another, or --responses"
            raise click.ClickException(message)
    return database


def _print_plans(connection: Connection, query: Query) -> None:
    """Print how the database goes about the statements of a query."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:  # noqa: ANN401 (as SQLAlchemy calls it)
        statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    query(connection)
    event.remove(connection, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN ANALYZE "
    for statement, parameters in statements:
        if statement.startswith("SELECT"):
            for row in connection.exec_driver_sql(explain + statement, parameters):
                print("   ", row[-1])
            print("    --")


@click.command()
@click.option("--url", help="The database; a file in the temporary folder if absent.")
@click.option("--responses", "count", default=1_000_000, show_default=True)
@click.option("--queries", default=200, show_default=True, help="Of each kind.")
@click.option("--only", default="", help="Kinds whose names contain this.")
@click.option("--plans", is_flag=True, help="Also print how the database goes about it.")
def main(url: str | None, count: int, queries: int, only: str, plans: bool) -> None:  # noqa: FBT001 (as click calls it)
    """Measure, and print a table."""
    file = Path(gettempdir()) / f"antiphon-bench-{count}.db"
    database = _filled(url or f"sqlite:///{file}", count)
    rows: list[tuple[str, float, float, float]] = []
    with database.read() as connection:
        for kind, make in Kinds(connection, count).all().items():
            if only not in kind:
                continue
            took_ms = []
            for query in [make() for _ in range(queries)]:
                begin = time.perf_counter()
                query(connection)
                took_ms.append((time.perf_counter() - begin) * 1000)
            if plans:
                print(kind)
                _print_plans(connection, make())
            median, most, _ = summary(took_ms)
            rows.append((kind, median, most, max(took_ms)))
    print(f"{count:,} responses in {database.name.split(':')[0]}, {load_average()}, milliseconds:")
    print_table(
        ("kind", "p50", "p95", "max"),
        [(kind, *(f"{value:.1f}" for value in values)) for kind, *values in rows],
    )


if __name__ == "__main__":
    main()
