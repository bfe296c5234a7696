"""What clients may send is bounded; the fields themselves are tested with their types."""

from __future__ import annotations

import json
from typing import Any

import pytest

from antiphon.errors import RequestError
from antiphon.wire.codec import decode_client_event
from antiphon.wire.sizes import (
    MAX_APPEND_BYTES,
    MAX_FUNCTION_NAME_CHARS,
    MAX_INPUT_ITEMS,
    MAX_INSTRUCTIONS_CHARS,
    MAX_PARTS,
    MAX_SCHEMA_BYTES,
    MAX_SETTINGS_BYTES,
    MAX_TEXT_CHARS,
    MAX_TOOLS,
)
from tests.support.sound import as_base64


def session(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def response(**fields: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": fields}


def item(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": fields}


def message(*texts: str) -> dict[str, Any]:
    parts = [{"type": "input_text", "text": text} for text in texts]
    return {"type": "message", "role": "user", "content": parts}


def recording(size_bytes: int) -> dict[str, Any]:
    parts = [{"type": "input_audio", "audio": as_base64(bytes(size_bytes))}]
    return {"type": "message", "role": "user", "content": parts}


def answer(text: str) -> dict[str, Any]:
    parts = [{"type": "output_text", "text": text}]
    return {"type": "message", "role": "assistant", "content": parts}


def function(size_bytes: int = 2) -> dict[str, Any]:
    schema = (
        {"description": "x" * (size_bytes - len('{"description":""}'))} if size_bytes > 2 else {}
    )
    return {"type": "function", "name": "f", "parameters": schema}


TEXT, INSTRUCTIONS = "x" * MAX_TEXT_CHARS, "x" * MAX_INSTRUCTIONS_CHARS
NAME = "x" * MAX_FUNCTION_NAME_CHARS

FITTING = [
    session(instructions=INSTRUCTIONS),
    session(tools=[function()] * MAX_TOOLS),
    session(tools=[function(MAX_SCHEMA_BYTES)]),
    session(tools=[{"type": "function", "name": NAME}]),
    response(instructions=INSTRUCTIONS),
    response(tools=[function()] * MAX_TOOLS),
    response(input=[message("x")] * MAX_INPUT_ITEMS),
    response(metadata={str(number): "x" * 512 for number in range(16)}),
    item(**message(*["x"] * MAX_PARTS)),
    item(**message(TEXT)),
    item(**answer(TEXT)),
    item(**recording(MAX_APPEND_BYTES)),
    item(type="function_call_output", call_id="c", output=TEXT),
    item(type="function_call", name="f", call_id="c", arguments=TEXT),
]

REFUSED = [
    (session(instructions=INSTRUCTIONS + "x"), "session.instructions"),
    (session(tools=[function()] * (MAX_TOOLS + 1)), "session.tools"),
    (session(tools=[function(MAX_SCHEMA_BYTES + 1)]), "session.tools[0].parameters"),
    (session(tools=[{"type": "function", "name": NAME + "x"}]), "session.tools[0].name"),
    (session(tools=[function(MAX_SCHEMA_BYTES)] * 17), "session"),
    (session(tracing={"metadata": {"all": "x" * MAX_SETTINGS_BYTES}}), "session"),
    (session(prompt={"id": "p", "variables": {"all": "x" * MAX_SETTINGS_BYTES}}), "session"),
    (response(instructions=INSTRUCTIONS + "x"), "response.instructions"),
    (response(tools=[function()] * (MAX_TOOLS + 1)), "response.tools"),
    (response(tools=[function(MAX_SCHEMA_BYTES)] * 17), "response.tools"),
    (
        response(prompt={"id": "p", "variables": {"all": "x" * MAX_SETTINGS_BYTES}}),
        "response.prompt",
    ),
    (response(input=[message("x")] * (MAX_INPUT_ITEMS + 1)), "response.input"),
    (response(metadata={str(number): "x" for number in range(17)}), "response.metadata"),
    (response(metadata={"x" * 65: "x"}), "response.metadata"),
    (response(metadata={"x": "x" * 513}), "response.metadata.x"),
    (item(**message(*["x"] * (MAX_PARTS + 1))), "item.content"),
    (item(**message(TEXT + "x")), "item.content[0].text"),
    (item(**answer(TEXT + "x")), "item.content[0].text"),
    (item(**recording(MAX_APPEND_BYTES + 1)), "item.content[0].audio"),
    (item(type="function_call_output", call_id="c", output=TEXT + "x"), "item.output"),
    (item(type="function_call", name="f", call_id="c", arguments=TEXT + "x"), "item.arguments"),
]


@pytest.mark.parametrize("event", FITTING, ids=range(len(FITTING)))
def test_as_much_as_there_may_be_is_taken(event):
    assert decode_client_event(json.dumps(event))


@pytest.mark.parametrize(
    ("event", "param"), REFUSED, ids=[f"{index}-{one[1]}" for index, one in enumerate(REFUSED)]
)
def test_more_is_refused_with_what_and_how_much_and_without_repeating_it(event, param):
    with pytest.raises(RequestError) as refusal:
        decode_client_event(json.dumps({**event, "event_id": "mine"}))
    assert refusal.value.param is not None
    assert refusal.value.param.startswith(param)
    assert refusal.value.event_id == "mine"
    assert len(refusal.value.message) < 1000
    assert any(character.isdigit() for character in refusal.value.message)
