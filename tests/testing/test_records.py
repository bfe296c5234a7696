"""What an app did, told from the events that passed."""

from __future__ import annotations

import base64

import pytest

from antiphon.testing import Interruption, SessionRecord, ToolOutput
from antiphon.testing.journal import Note


@pytest.fixture
def record():
    return SessionRecord(lambda: None)


def app(record, event_type, **fields):
    record.add(Note("app", {"type": event_type, **fields}))


def server(record, event_type, **fields):
    record.add(Note("server", {"type": event_type, **fields}))


def call(record, name, call_id):
    item = {"type": "function_call", "name": name, "arguments": "{}", "call_id": call_id}
    server(record, "response.output_item.done", item=item)


def output(record, call_id, text):
    item = {"type": "function_call_output", "call_id": call_id, "output": text}
    app(record, "conversation.item.create", item=item)


def test_events_of_both_sides_are_told_apart(record):
    server(record, "session.created", session={"id": "sess_1"})
    app(record, "session.update", session={"instructions": "Be brief."})
    assert record.id == "sess_1"
    assert [event["type"] for event in record.received] == ["session.created"]
    assert [event["type"] for event in record.events] == ["session.update"]
    assert record.updates == ({"instructions": "Be brief."},)


def test_audio_of_both_sides_is_put_together(record):
    for half in (b"\x01\x00", b"\x02\x00"):
        app(record, "input_audio_buffer.append", audio=base64.b64encode(half).decode())
        server(record, "response.output_audio.delta", delta=base64.b64encode(half).decode())
    assert record.heard_audio == record.spoken_audio == b"\x01\x00\x02\x00"


def test_an_output_is_told_with_its_call(record):
    call(record, "get_weather", "call_1")
    output(record, "call_1", "Rain.")
    output(record, "call_2", "Nobody asked.")
    assert record.tool_outputs == (
        ToolOutput("get_weather", "{}", "Rain.", "call_1"),
        ToolOutput("", "", "Nobody asked.", "call_2"),
    )


def test_interruptions_are_told_by_who_broke_off_and_what_was_heard(record):
    for number in (1, 2, 3):
        item = {"id": f"item_{number}", "type": "message"}
        server(record, "response.output_item.added", item=item, response_id=f"resp_{number}")
    details = {"reason": "turn_detected"}
    for number, status in ((1, "cancelled"), (2, "completed"), (3, "completed")):
        response = {"id": f"resp_{number}", "status": status, "status_details": details}
        server(record, "response.done", response=response)
    for number in (1, 3):
        app(record, "conversation.item.truncate", item_id=f"item_{number}", audio_end_ms=700)
    assert record.interruptions == (
        Interruption("resp_1", "turn_detected", 700),
        Interruption("resp_3", None, 700),
    )


def test_assertions_pass_where_they_should(record):
    call(record, "get_weather", "call_1")
    output(record, "call_1", "Rain, 7 degrees.")
    record.asked.append("How is the Weather?")
    record.assert_asked("weather")
    assert record.assert_tool_output("get_weather", contains="7").output == "Rain, 7 degrees."
    record.assert_no_errors()


def test_assertions_that_fail_say_what_was_there_instead(record):
    record.asked.append("Hello.")
    with pytest.raises(AssertionError, match=r"never asked 'weather'\. It asked: 'Hello\.'"):
        record.assert_asked("weather")
    with pytest.raises(AssertionError, match=r"no output of get_weather.*: nothing"):
        record.assert_tool_output("get_weather")
    call(record, "get_weather", "call_1")
    output(record, "call_1", "Sun.")
    with pytest.raises(AssertionError, match=r"never returned 'Rain'. It returned: 'Sun\.'"):
        record.assert_tool_output("get_weather", contains="Rain")
    with pytest.raises(AssertionError, match=r"no output of get_time.*: 'get_weather'"):
        record.assert_tool_output("get_time")


def test_a_server_that_could_not_go_on_is_an_error_and_other_ends_are_not(record):
    record.close_code = 1001
    record.assert_no_errors()
    record.close_code = 1011
    with pytest.raises(AssertionError, match="closed the connection with 1011"):
        record.assert_no_errors()


def test_refused_events_and_failed_responses_are_errors(record):
    server(record, "error", error={"message": "No such item."})
    error = {"error": {"message": "It fell over."}}
    server(record, "response.done", response={"status": "failed", "status_details": error})
    assert record.errors == ("No such item.", "It fell over.")
    with pytest.raises(AssertionError, match=r"No such item\.; It fell over\."):
        record.assert_no_errors()
