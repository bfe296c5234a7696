from __future__ import annotations

import pytest

from antiphon.store.deletion import delete_response
from antiphon.store.usage import DAY_US, spent_micros, usage
from tests.support.kept import BEGIN_S, Shelf, kept

HOUR_S = 3600
BEGIN_US = BEGIN_S * 1_000_000
NEXT_DAY_S = 24 * HOUR_S


@pytest.fixture
def tables(database):
    return Shelf(database)


def used(tables, *group_by, since: int = 0, until: int = BEGIN_US + 10 * DAY_US):
    rows = tables.read(lambda connection: usage(connection, group_by, since, until))
    return [(*row.alike.values(), row.counted["responses"], row.cost_micros) for row in rows]


def test_what_is_alike_is_summed_up(tables):
    tables.keep(
        kept(1, key="k1", cost_micros=5),
        kept(2, key="k1", cost_micros=7),
        kept(3, key="k2", model="quick"),
        kept(4, after_s=NEXT_DAY_S, key="k1"),
    )
    first = BEGIN_US - BEGIN_US % DAY_US
    second = first + DAY_US
    assert used(tables, "day") == [(second, 1, None), (first, 3, 12)]
    assert used(tables, "model") == [("antiphon", 3, 12), ("quick", 1, None)]
    assert used(tables, "key", "day") == [
        ("k1", second, 1, None),
        ("k1", first, 2, 12),
        ("k2", first, 1, None),
    ]
    assert used(tables) == [(4, 12)]
    (row,) = tables.read(lambda connection: usage(connection, (), 0, BEGIN_US + 10 * DAY_US))
    assert (row.counted["input_tokens"], row.counted["output_tokens"]) == (80, 40)


def test_hours_are_told_apart_and_failures_counted(tables):
    tables.keep(
        kept(1), kept(2, status="failed"), kept(3, after_s=HOUR_S, status="cancelled"), kept(4)
    )
    rows = tables.read(lambda connection: usage(connection, ("hour",), 0, BEGIN_US + 10 * DAY_US))
    hour_us = HOUR_S * 1_000_000
    assert [
        (row.alike["hour"], row.counted["responses"], row.counted["failed"]) for row in rows
    ] == [
        (BEGIN_US + hour_us, 1, 0),
        (BEGIN_US, 3, 1),
    ]


def test_nothing_is_no_row(tables):
    assert used(tables) == []
    assert used(tables, "day", "model", "key") == []


def test_who_needed_no_key_has_none(tables):
    tables.keep(kept(1))
    assert used(tables, "key") == [(None, 1, None)]


def test_only_the_hours_asked_for_count(tables):
    tables.keep(kept(0), kept(1, after_s=HOUR_S), kept(2, after_s=2 * HOUR_S))
    hour_us = HOUR_S * 1_000_000
    assert used(tables, since=BEGIN_US + hour_us, until=BEGIN_US + 2 * hour_us) == [(1, None)]


def test_a_response_counts_once_however_often_it_is_written(tables):
    tables.keep(kept(1, cost_micros=5))
    tables.keep(kept(1, cost_micros=5), kept(2, cost_micros=1))
    assert used(tables) == [(2, 6)]


def test_what_was_used_has_been_used_also_when_it_is_deleted(tables):
    tables.keep(kept(1, cost_micros=5))
    assert tables.change(lambda connection: delete_response(connection, "resp_1"))
    assert used(tables) == [(1, 5)]


def test_what_a_key_has_spent(tables):
    tables.keep(
        kept(1, key="k1", cost_micros=5),
        kept(2, after_s=2 * HOUR_S, key="k1", cost_micros=7),
        kept(3, cost_micros=9),
    )
    spent = {
        (name, since): tables.read(
            lambda connection, name=name, since=since: spent_micros(connection, name, since)
        )
        for name in ("k1", "k2", None)
        for since in (0, BEGIN_US + HOUR_S * 1_000_000)
    }
    assert list(spent.values()) == [12, 7, 0, 0, 9, 0]
