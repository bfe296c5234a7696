from __future__ import annotations

import random

from antiphon.runtime.kept_items import KeptItems
from antiphon.wire.items import InputText, McpListTools, Message


def add(items: KeptItems, item_id: str, previous_id: str | None, response_id: str | None = None):
    item = Message(id=item_id, role="user", content=(InputText(text="Hello."),))
    return items.add(item, previous_id=previous_id, created_at=1, response_id=response_id)


def order(items: KeptItems) -> list[str]:
    """The ids as whoever reads the positions finds them."""
    return [str(kept.item.id) for kept in sorted(items, key=lambda kept: kept.position)]


def test_items_stand_where_they_were_put_whatever_came_in_between():
    items, expected = KeptItems(), list[str]()
    choice = random.Random(5)
    for number in range(500):
        index = choice.randrange(len(expected) + 1)
        add(items, f"item_{number}", expected[index - 1] if index else None)
        expected.insert(index, f"item_{number}")
    assert order(items) == expected


def test_where_there_is_no_room_the_others_make_it_and_that_is_told():
    items = KeptItems()
    add(items, "first", None)
    add(items, "last", "first")
    places = {str(kept.item.id): kept.position for kept in items}
    moved = {}
    for number in range(100):
        moved = add(items, f"item_{number}", "first")
        places = {**places, f"item_{number}": 0, **moved}
        if moved:
            break
    assert moved, "a gap does not last for ever"
    assert order(items) == ["first", *(f"item_{n}" for n in range(number, -1, -1)), "last"]
    assert all(kept.position == moved.get(str(kept.item.id), kept.position) for kept in items)


def test_a_response_answers_what_came_since_the_one_before():
    items = KeptItems()
    add(items, "asked", None)
    add(items, "answered", "asked", response_id="resp_1")
    assert items.since_last_output() == ()
    add(items, "asked_again", "answered")
    items.add(
        McpListTools(id="tools", server_label="box", tools=()),
        previous_id="asked_again",
        created_at=1,
        response_id=None,
    )
    add(items, "and_more", "tools")
    assert items.since_last_output() == ("asked_again", "and_more")


def test_what_is_removed_is_not_answered_and_may_come_again():
    items = KeptItems()
    add(items, "asked", None)
    items.remove("asked")
    items.remove("asked")
    assert items.since_last_output() == ()
    add(items, "asked", None)
    assert items.since_last_output() == ("asked",)
