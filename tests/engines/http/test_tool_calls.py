"""However a server numbers its calls, clients get one after the other, each with its arguments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from antiphon.engines.conformance import calls_in
from antiphon.engines.http.chunks import CallDelta, FunctionDelta
from antiphon.engines.http.tool_calls import CallReader
from antiphon.engines.thinking import GenerationRequest, ToolCallDelta
from antiphon.wire.session import FunctionTool

A, B = '{"city": "A"}', '{"city": "B"}'
CALLED = [("weather", A), ("weather", B)]


def sent(
    index: Any = None, call_id: Any = None, name: str | None = None, arguments: Any = None
) -> CallDelta:
    return CallDelta(index, call_id, FunctionDelta(name, arguments))


def read(*chunks: list[CallDelta], is_whole: bool = True, **request: Any) -> list[ToolCallDelta]:
    """What is passed on, checked for a call that goes on after the next has begun."""
    reader = CallReader(GenerationRequest(messages=(), **request))
    deltas = [delta for chunk in chunks for delta in reader.take(chunk)]
    deltas += reader.finish(is_whole=is_whole)
    numbers = [delta.index for delta in deltas]
    assert numbers == sorted(numbers)
    return deltas


@pytest.mark.parametrize(
    "chunks",
    [
        [[sent(0, "a", "weather", A)], [sent(1, "b", "weather", B)]],
        [[sent(0, "a", "weather", A)], [sent(0, "b", "weather", B)]],
        [[sent(0, "", "weather", A), sent(0, "", "weather", B)]],
        [[sent(0, None, "weather", A)], [sent(0, None, "weather", B)]],
        [[sent(None, None, "weather", A), sent(None, None, "weather", B)]],
        [[sent(None, "a", "weather", A), sent(None, "b", "weather", B)]],
        [[sent("0", 17, "weather", A)], [sent("1", 18, "weather", B)]],
        [[sent(0, "a", "weather", json.loads(A))], [sent(1, "b", "weather", json.loads(B))]],
        [
            [sent(0, "a", "weather", A[:5])],
            [sent(0, "null", "", A[5:])],
            [sent(1, "b", "weather", "")],
            [sent(1, "null", "", B)],
        ],
        [
            [sent(0, None, "weather", A[:5])],
            [sent(0, None, "weather", A[5:])],
            [sent(0, None, "weather", B[:5])],
            [sent(0, None, "weather", B[5:])],
        ],
        [
            [sent(0, "a", "weather", A[:5]), sent(1, "b", "weather", B[:5])],
            [sent(1, None, None, B[5:])],
            [sent(0, None, None, A[5:])],
        ],
        [
            [sent(0, "a", "weather", A[:5]), sent(0, "b", "weather", B[:5])],
            [sent(0, "b", None, B[5:]), sent(0, "a", None, A[5:])],
        ],
        [[sent(0, "a", "weather", A)], [sent(1, "b", "weather", B)], [sent(0, "a", "weather", A)]],
        [[sent(0, "a", "weather")], [sent(0, "random", None, A)], [sent(1, "b", "weather", B)]],
    ],
    ids=[
        "numbered",
        "all 0",
        "all 0, ids empty",
        "all 0, no ids",
        "neither",
        "ids only",
        "texts and numbers",
        "objects",
        "id null",
        "name repeated",
        "in turns",
        "in turns, all 0",
        "told twice",
        "another id for each piece",
    ],
)
def test_two_calls(chunks):
    assert calls_in(list(read(*chunks))) == CALLED


def test_a_call_is_passed_on_as_it_comes():
    reader = CallReader(GenerationRequest(messages=()))
    chunks = [[sent(0, "a", "weather", "")], [sent(0, None, None, '{"ci')], [sent(1, "b", "time")]]
    told = [list(reader.take(chunk)) for chunk in chunks]
    assert told == [[ToolCallDelta(0, "weather")], [ToolCallDelta(0, arguments='{"ci')], []]


@pytest.mark.parametrize("arguments", ["", None, " "])
def test_a_call_without_arguments_has_an_empty_object(arguments):
    deltas = read([sent(0, "a", "time", arguments), sent(1, "b", "weather", A)])
    (_, empty), weather = calls_in(list(deltas))
    assert json.loads(empty) == {}
    assert weather == ("weather", A)
    assert sum(delta.tokens for delta in deltas) <= 2, "the server has written two"


def test_two_calls_without_arguments_or_numbers():
    assert calls_in(list(read([sent(name="time"), sent(name="time")]))) == [("time", "{}")] * 2
    offered = (FunctionTool(name="time"), FunctionTool(name="date"))
    calls = calls_in(list(read([sent(name="time")], [sent(name="date")], tools=offered)))
    assert calls == [("time", "{}"), ("date", "{}")]


def test_a_call_that_was_cut_off_stays_as_it_is_and_is_the_last():
    chunk = [sent(0, "a", "weather", A[:5]), sent(1, "b", "weather", B)]
    assert calls_in(list(read(chunk, is_whole=False))) == [("weather", A[:5])]
    assert calls_in(list(read([sent(0, "a", "time")], is_whole=False))) == [("time", "")]


def test_arguments_that_are_no_json_are_the_models_affair():
    chunk = [sent(0, "a", "weather", "{Oslo"), sent(1, "b", "weather", B)]
    assert calls_in(list(read(chunk))) == [("weather", "{Oslo"), ("weather", B)]


def test_characters_are_whole():
    chunks = [
        [sent(0, "a", "weather", '{"city": "\ud83d')],
        [sent(0, None, None, '\ude00 \ud83d"}')],
    ]
    assert calls_in(list(read(*chunks))) == [("weather", '{"city": "😀 \ufffd"}')]


def test_calls_that_must_not_be_made_are_left_out():
    chunk = [sent(0, "a", "weather", A), sent(1, "b", "time", "{}")]
    assert read(chunk, tool_policy="none") == []
    forced = read(chunk, tool_policy="required", forced_tool="time")
    assert calls_in(list(forced)) == [("time", "{}")]


def test_what_belongs_to_no_call_is_dropped():
    assert read([sent(0, None, None, A), CallDelta(0, "a")]) == []
