from __future__ import annotations

import pytest

from antiphon.store.latencies import latencies
from antiphon.store.usage import usage
from tests.support.kept import BEGIN_S, Shelf, kept

END_US = (BEGIN_S + 24 * 3600) * 1_000_000


@pytest.fixture
def tables(database):
    return Shelf(database)


def counted(tables) -> tuple[int, int]:
    """How many responses there are by usage, and by latencies."""
    (used,) = tables.read(lambda connection: usage(connection, (), 0, END_US))
    timed = tables.read(
        lambda connection: latencies(connection, "voice_to_voice", "day", since=0, until=END_US)
    )
    return used.counted["responses"], sum(point.responses for point in timed)


def test_a_response_counts_once_however_often_it_is_written(tables):
    tables.keep(kept(1))
    tables.keep(kept(1), kept(2))
    assert counted(tables) == (2, 2)


def test_many_at_once_count_as_one_by_one(tables):
    tables.keep(*(kept(number) for number in range(50)))
    for number in range(50, 60):
        tables.keep(kept(number))
    assert counted(tables) == (60, 60)
