from __future__ import annotations

import random
import string
import time

import anyio
from msgspec.structs import replace

from antiphon.store.choices import StoreChoice
from antiphon.store.operating import prune_before
from antiphon.store.records import Record, SessionClosed
from antiphon.store.retention import kept_bytes, prune, too_much, too_old
from antiphon.store.rows import write
from antiphon.store.schema import items, responses, sessions
from antiphon.store.store import open_store

from .support import PATIENCE_S, SESSION, item, opened, response, rows, rows_in, said

DAY_US = 86_400_000_000


def change(database, work, *arguments):
    with database.connect() as connection, connection.begin():
        return work(connection, *arguments)


def keep_days(database, days: int) -> None:
    """A response and an item of each day, of about 10 KB."""
    records: list[Record] = []
    letters = random.Random(7)
    for day in range(days):
        at = day * DAY_US
        words = "".join(letters.choices(string.ascii_letters, k=10_000))
        records.append(response(f"resp_{day}", at=at))
        records.append(item(said(words, f"item_{day:03}"), at=at, position=day))
    change(database, write, records)


def test_what_is_older_goes_and_the_rest_stays(database):
    keep_days(database, 10)
    while change(database, prune, 5 * DAY_US, 2):
        pass
    assert [row["id"] for row in rows_in(database, responses)] == [
        f"resp_{day}" for day in range(5, 10)
    ]
    assert len(rows_in(database, items)) == 5


def test_of_a_session_something_stays_as_long_as_of_its_responses(database):
    change(database, write, [opened(), response(at=9 * DAY_US)])
    closed = SessionClosed(id=SESSION, closed_at=2_000, close_code=None, close_reason=None)
    change(database, write, [closed])
    change(database, prune, 5 * DAY_US)
    assert len(rows_in(database, sessions)) == 1
    change(database, prune, 10 * DAY_US)
    assert rows_in(database, sessions) == []


def test_a_session_whose_end_nobody_saw_is_over_one_day(database):
    change(database, write, [opened(at=0)])
    change(database, prune, DAY_US // 2)
    assert len(rows_in(database, sessions)) == 1
    change(database, prune, 2 * DAY_US)
    assert rows_in(database, sessions) == []


def test_of_what_is_too_much_the_oldest_goes_until_it_fits(database):
    keep_days(database, 300)
    assert change(database, too_much, 1_000) is None
    before = change(database, too_much, 1)
    assert before is not None
    prune_before(database, before)
    assert change(database, kept_bytes) < 1_100_000
    left = [row["created_at"] for row in rows_in(database, responses)]
    assert min(left) == before - 1 + DAY_US
    assert 10 < len(left) < 90


def test_nothing_is_too_much_where_there_is_nothing(database):
    assert change(database, too_much, 1) is None
    assert too_old(2, 10 * DAY_US) == 8 * DAY_US


async def test_the_store_forgets_by_itself_what_is_too_old(url, tmp_path):
    now_us = time.time_ns() // 1000
    choice = StoreChoice(url=url)
    async with open_store(choice, tmp_path) as store:
        store.put(response("resp_old", at=now_us - 8 * DAY_US))
        store.put(response("resp_new", at=now_us - 6 * DAY_US))
    async with open_store(replace(choice, max_age_days=7), tmp_path) as store:
        with anyio.fail_after(PATIENCE_S):
            while len(found := await rows(store, responses)) == 2:
                pass
    assert [row["id"] for row in found] == ["resp_new"]
