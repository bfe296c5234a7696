"""What passed: each event is found once, and a wait in vain says what there was instead."""

from __future__ import annotations

import threading

import pytest

from antiphon.testing.journal import Journal, Note

CREATED = Note("server", {"type": "session.created"})


def test_each_wait_finds_the_next_event_of_its_type():
    journal = Journal()
    for number in (1, 2):
        journal.add(Note("server", {"type": "response.done", "n": number, "response": {}}))
    assert [journal.wait_for("response.done")["n"] for _ in range(2)] == [1, 2]
    with pytest.raises(AssertionError):
        journal.wait_for("response.done", timeout_s=0)


def test_a_wait_ends_when_the_event_comes():
    journal = Journal()
    thread = threading.Timer(0.01, journal.add, [CREATED])
    thread.start()
    assert journal.wait_for("session.created") == CREATED.event
    thread.join()


def test_a_wait_in_vain_shows_what_came():
    journal = Journal()
    journal.add(CREATED)
    for _ in range(3):
        journal.add(Note("app", {"type": "input_audio_buffer.append", "audio": ""}))
    item = {"type": "function_call_output"}
    journal.add(Note("app", {"type": "conversation.item.create", "item": item}))
    journal.add(Note("server", {"type": "error", "error": {"message": "No such call."}}))
    journal.add(Note("server", {"type": "response.done", "response": {"status": "failed"}}))
    with pytest.raises(AssertionError) as caught:
        journal.wait_for("response.created", timeout_s=0)
    assert str(caught.value).splitlines() == [
        "No 'response.created' came within 0 s. What came last:",
        "server → app  session.created",
        "app → server  input_audio_buffer.append (3 times)",
        "app → server  conversation.item.create: function_call_output",
        "server → app  error: No such call.",
        "server → app  response.done: failed",
    ]


async def test_a_wait_that_would_hold_up_the_app_is_refused():
    journal = Journal()
    journal.add(CREATED)
    with pytest.raises(RuntimeError, match="wait_for_async"):
        journal.wait_for("session.created")
    assert await journal.wait_for_async("session.created") == CREATED.event
