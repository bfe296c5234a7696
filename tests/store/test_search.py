from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import event

from antiphon.errors import RequestError
from antiphon.store import search
from antiphon.store.search import ids_of_page
from antiphon.wire.kept import ResponsesQuery
from tests.support.kept import BEGIN_S, Shelf, kept, opened


@pytest.fixture
def tables(database):
    return Shelf(database)


def find(tables, owner: str | None = None, **wanted) -> list[str]:
    query = ResponsesQuery(**wanted)
    ids: list[str] = tables.read(lambda connection: ids_of_page(connection, query, owner))[0]
    return ids


def pages(tables, *, cursor: str | None = None, towards: str = "after", **wanted) -> list[str]:
    """Go from page to page, and return what they say in the order of the list."""
    found: list[str] = []
    has_more = True
    while has_more:
        place: dict[str, Any] = {towards: cursor} if cursor else {}
        query = ResponsesQuery(**wanted, **place)
        ids, has_more = tables.read(
            lambda connection, query=query: ids_of_page(connection, query, None)
        )
        found = found + ids if towards == "after" else ids + found
        cursor = ids[-1] if towards == "after" else ids[0]
    return found


def test_the_newest_come_first_and_the_oldest_if_asked_for(tables):
    tables.keep(kept(2), kept(1), kept(3))
    assert find(tables) == ["resp_3", "resp_2", "resp_1"]
    assert find(tables, order="asc") == ["resp_1", "resp_2", "resp_3"]


def test_a_page_begins_after_and_ends_before_a_response(tables):
    tables.keep(*(kept(number) for number in range(1, 6)))
    assert find(tables, after="resp_4", limit=2) == ["resp_3", "resp_2"]
    assert find(tables, before="resp_2", limit=2) == ["resp_4", "resp_3"]
    assert find(tables, before="resp_2", after="resp_5") == ["resp_4", "resp_3"]
    assert find(tables, after="resp_2", order="asc") == ["resp_3", "resp_4", "resp_5"]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("wanted", [{}, {"metadata": {"a": "b"}}, {"model": "antiphon"}])
def test_pages_show_each_once_also_of_the_same_moment(tables, order, wanted):
    tables.keep(*(kept(number, after_s=number // 4, metadata={"a": "b"}) for number in range(11)))
    by_time = sorted(range(11), key=lambda number: (number // 4, f"resp_{number}"))
    expected = [f"resp_{number}" for number in by_time][:: 1 if order == "asc" else -1]
    wanted = {"limit": 3, "order": order, **wanted}
    assert pages(tables, **wanted) == expected
    assert pages(tables, cursor=expected[-1], towards="before", **wanted) == expected[:-1]


def test_pairs_have_to_be_there_all(tables):
    tables.keep(
        kept(1, metadata={"caller": "ann", "shop": "oslo"}),
        kept(2, metadata={"caller": "ann", "shop": "bergen"}),
        kept(3, metadata={"caller": "oslo"}),
        kept(4),
    )
    assert find(tables, metadata={"caller": "ann"}) == ["resp_2", "resp_1"]
    assert find(tables, metadata={"caller": "ann", "shop": "oslo"}) == ["resp_1"]
    assert find(tables, metadata={"caller": "ann", "shop": "paris"}) == []


def test_any_text_can_be_key_and_value(tables):
    odd = {"": "", "a[b]": "x%_", "ключ": "значение 🎈", "q'\"\\": "\n", "null": "null"}
    tables.keep(kept(1, metadata=odd), kept(2))
    for key, value in odd.items():
        assert find(tables, metadata={key: value}) == ["resp_1"]
    assert find(tables, metadata=odd) == ["resp_1"]
    assert find(tables, metadata={"a[b]": "x__"}) == []


def test_each_column_narrows(tables):
    tables.keep(
        [opened("s1", conversation="c1"), opened("s2", conversation="c2")],
        kept(1, session="s1", conversation="c1", status="cancelled", model="quick", key="k1"),
        kept(2, session="s1", conversation="c1", status="failed"),
        kept(3, session="s2", conversation="c2", status="incomplete", key="k2"),
        kept(4, session="s2", conversation="c2"),
    )
    assert find(tables, status="failed") == ["resp_2"]
    assert find(tables, reason="turn_detected") == ["resp_1"]
    assert find(tables, reason="max_output_tokens", status="incomplete") == ["resp_3"]
    assert find(tables, reason="turn_detected", status="failed") == []
    assert find(tables, model="quick") == ["resp_1"]
    assert find(tables, session_id="s2") == ["resp_4", "resp_3"]
    assert find(tables, conversation_id="c1", model="antiphon") == ["resp_2"]
    assert find(tables, key="k2") == ["resp_3"]


def test_times_begin_at_and_end_before(tables):
    tables.keep(*(kept(number) for number in range(4)))
    found = find(tables, created_after=BEGIN_S + 1, created_before=BEGIN_S + 3)
    assert found == ["resp_2", "resp_1"]


def test_who_has_a_key_finds_what_was_made_with_it(tables):
    tables.keep(kept(1, key="mine"), kept(2, key="other"), kept(3))
    assert find(tables, owner="mine") == ["resp_1"]
    assert find(tables, owner="mine", key="other") == []
    with pytest.raises(RequestError, match="no response 'resp_2'"):
        find(tables, owner="mine", after="resp_2")


def test_words_of_what_was_heard_and_said(tables):
    tables.keep(
        [opened()],
        kept(1, heard="Where is my order?", said="On its way."),
        kept(2, heard="Cancel it.", said="Your order is cancelled."),
        kept(3, heard="Thanks.", said="Goodbye."),
    )
    assert find(tables, text="order") == ["resp_2", "resp_1"]
    assert find(tables, text="ORDER my") == ["resp_1"]
    assert find(tables, text="order way") == []  # in different items
    assert find(tables, text="order", order="asc", limit=1) == ["resp_1"]


@pytest.mark.parametrize("text", ['"', "order AND", "or*", "text:x", "(", "a\x00b", "-", "'"])
def test_nothing_is_syntax_in_a_text(tables, text):
    tables.keep([opened()], kept(1, heard="Where is my order?"))
    assert find(tables, text=text) == []


def test_words_that_are_everywhere_are_found_as_well(tables, monkeypatch):
    monkeypatch.setattr(search, "_COUNTED_ITEMS", 1)
    tables.keep(
        [opened()],
        kept(1, heard="my order", metadata={"a": "b"}),
        kept(2, said="the order"),
        kept(3, heard="no"),
    )
    assert find(tables, text="order") == ["resp_2", "resp_1"]
    assert find(tables, text="order", metadata={"a": "b"}) == ["resp_1"]


def test_a_place_that_is_not_there_is_named(tables):
    for param in ("after", "before"):
        with pytest.raises(RequestError, match="no response 'resp_9'") as refusal:
            find(tables, **{param: "resp_9"})
        assert (refusal.value.code, refusal.value.param) == ("invalid_value", param)


def test_whatever_leads_the_same_is_found(tables):
    chance = random.Random(7)
    made = []
    for number in range(120):
        pair = {"a": chance.choice("xy"), "b": chance.choice("xyz")}
        status = chance.choice(("completed", "failed"))
        key = chance.choice(("k1", None))
        made.append((number, pair, status, key))
        tables.keep(kept(number, metadata=pair, status=status, key=key))
    for _ in range(40):
        pair = {"a": chance.choice("xy"), "b": chance.choice("xyz")}
        status, key = chance.choice(("completed", "failed")), chance.choice(("k1", None))
        wanted: dict[str, Any] = {"metadata": pair, "status": status} | (
            {"key": key} if key else {}
        )
        expected = [
            f"resp_{number}"
            for number, has, ended, of in reversed(made)
            if has == pair and ended == status and key in (None, of)
        ]
        assert find(tables, limit=100, **wanted) == expected


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_pages_are_walked_along_an_index(tables):
    """Neither a whole table is read nor are rows sorted, however many there are."""
    tables.keep(*(kept(number, metadata={"a": "b"}) for number in range(5)))
    plans: list[str] = []

    def explain(connection, query):
        def note(_connection, cursor, statement, parameters, *_):
            plan = cursor.connection.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            plans.extend(row[3] for row in plan)

        event.listen(connection, "before_cursor_execute", note)
        ids_of_page(connection, query, None)

    for wanted in (
        {},
        {"metadata": {"a": "b"}},
        {"metadata": {"a": "b"}, "status": "failed"},
        {"model": "antiphon", "status": "failed", "after": "resp_3"},
        {"key": "k", "created_after": BEGIN_S},
    ):
        query = ResponsesQuery(**wanted)
        tables.read(lambda connection, query=query: explain(connection, query))
    assert plans
    assert not [step for step in plans if "TEMP B-TREE" in step]
    scans = [step for step in plans if step.startswith("SCAN ") and "USING" not in step]
    assert not [step for step in scans if "responses" in step or "response_metadata" in step]
