"""Which conversation is read into which slot."""

from __future__ import annotations

import threading

from antiphon.engines.llama.slots import Slots

PATIENCE_S = 5.0


def going_on() -> bool:
    return False


def use(slots: Slots, conversation: str | None) -> int:
    with slots.lend(conversation, going_on) as slot:
        return slot


def test_a_conversation_returns_to_its_slot():
    slots = Slots(3)
    first = {name: use(slots, name) for name in "abc"}
    assert len(set(first.values())) == 3
    assert {name: use(slots, name) for name in "cab"} == first


def test_a_new_conversation_takes_the_slot_that_was_not_used_for_longest():
    slots = Slots(2)
    a, b = use(slots, "a"), use(slots, "b")
    assert use(slots, "a") == a
    assert use(slots, "c") == b
    assert use(slots, "a") == a


def test_work_of_no_conversation_spares_the_others():
    slots = Slots(2)
    a = use(slots, "a")
    once = use(slots, None)
    assert once != a
    assert use(slots, None) == once
    assert use(slots, "b") == once
    assert use(slots, "a") == a


def test_two_answers_of_one_conversation_at_once_have_two_slots():
    slots = Slots(2)
    with slots.lend("a", going_on) as one, slots.lend("a", going_on) as other:
        assert one != other


def test_the_slot_of_an_answer_that_is_being_stopped_is_waited_for():
    slots = Slots(2)
    left = threading.Event()
    lent: list[int] = []
    follower = threading.Thread(target=lambda: lent.append(use(slots, "a")))
    with slots.lend("a", left.is_set) as slot:
        left.set()
        follower.start()
        follower.join(0.05)
        assert follower.is_alive()
    follower.join(PATIENCE_S)
    assert lent == [slot]
