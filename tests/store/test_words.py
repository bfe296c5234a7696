from __future__ import annotations

import pytest

from antiphon.store.words import items_with
from tests.support.kept import Shelf, kept, opened


@pytest.fixture
def tables(database):
    return Shelf(database)


def found(tables, text: str) -> list[str]:
    rows = tables.read(
        lambda connection: connection.execute(items_with(text, connection.dialect)).all()
    )
    return sorted(row.id for row in rows)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("order", ["heard_1", "said_2"]),
        ("Order MY", ["heard_1"]),
        ("ord", []),
        ("заказ", ["said_1"]),
        ("東京", []),
        ("", []),
        ("   ", []),
        ('"my order" OR x', []),
    ],
)
def test_all_words_have_to_be_in_one_item_in_any_order(tables, text, items):
    tables.keep(
        [opened()],
        kept(1, heard="Where is my order?", said="Ваш заказ в пути."),
        kept(2, heard="Cancel it, please.", said="Your order is cancelled."),
    )
    assert found(tables, text) == items


def test_words_of_an_item_that_was_changed_are_those_it_has_now(tables):
    tables.keep([opened()], kept(1, heard="old words"))
    tables.keep(kept(1, heard="new words"))
    assert found(tables, "old") == []
    assert found(tables, "new") == ["heard_1"]
