"""Function calls in a model's text: when they are recognized."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.engines.thinking import TextDelta, ToolCallDelta
from antiphon.engines.tools.reader import CallReader, Reading
from antiphon.engines.tools.syntax import IN_WORDS, CallSyntax
from antiphon.engines.tools.words import call_text

BARE = CallSyntax('{"name": "', '", "parameters": ', None, "}")
LISTED = CallSyntax('[{"name": "', '", "arguments": ', '}, {"name": "', "}]")

OSLO = call_text("get_weather", '{"city": "Oslo"}')
ROME = call_text("get_weather", '{"city": "Rome"}')


def read(reader: CallReader, text: str, size: int) -> list[TextDelta | ToolCallDelta]:
    """What comes of ``text`` when it arrives ``size`` characters, one token, at a time."""
    deltas = []
    for start in range(0, len(text), size):
        deltas += reader.read(text[start : start + size], 1)
    return deltas + reader.finish()


def said(deltas) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def called(deltas) -> list[tuple[str, str]]:
    calls: dict[int, tuple[str, str]] = {}
    for delta in deltas:
        if isinstance(delta, ToolCallDelta):
            name, arguments = calls.get(delta.index, ("", ""))
            calls[delta.index] = (name + delta.name, arguments + delta.arguments)
    assert list(calls) == list(range(len(calls)))
    return list(calls.values())


sizes = pytest.mark.parametrize("size", [1, 3, 7, 1000])


@sizes
@pytest.mark.parametrize(
    ("syntax", "text"),
    [
        (IN_WORDS, OSLO),
        (BARE, '{"name": "get_weather", "parameters": {"city": "Oslo"}}'),
        (LISTED, '[{"name": "get_weather", "arguments": {"city": "Oslo"}}]'),
    ],
)
def test_a_call_is_recognized_and_nothing_around_it_is_text(syntax, text, size):
    reader = CallReader(syntax)
    deltas = read(reader, text, size)
    assert (said(deltas), called(deltas)) == ("", [("get_weather", '{"city": "Oslo"}')])
    assert reader.reading is Reading.OVER


@sizes
def test_text_before_a_call_is_kept(size):
    deltas = read(CallReader(IN_WORDS), f"I will look. <b>\n\n{OSLO}", size)
    assert said(deltas) == "I will look. <b>"
    assert called(deltas) == [("get_weather", '{"city": "Oslo"}')]


@sizes
def test_several_calls_have_indices_of_their_own(size):
    deltas = read(CallReader(IN_WORDS, several=True), f"{OSLO}\n{ROME}", size)
    assert [json.loads(arguments)["city"] for _, arguments in called(deltas)] == ["Oslo", "Rome"]


@sizes
def test_where_one_call_is_wanted_nothing_follows_it(size):
    deltas = read(CallReader(IN_WORDS), f"{OSLO}\n{ROME} and more", size)
    assert (said(deltas), len(called(deltas))) == ("", 1)


@given(st.text(), st.integers(1, 9))
def test_text_loses_nothing(text, size):
    deltas = read(CallReader(IN_WORDS), text.replace("<tool_call>", ""), size)
    assert said(deltas) == text.replace("<tool_call>", "")


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text() | st.floats())), st.integers(1, 9))
def test_arguments_end_with_their_own_brace(arguments, size):
    text = call_text("f", json.dumps(arguments))
    assert called(read(CallReader(IN_WORDS, several=True), text, size)) == [
        ("f", json.dumps(arguments))
    ]


@given(st.text(alphabet='Hi <tool_call>\n{"name', max_size=40), st.integers(1, 5))
def test_every_token_is_told_at_most_once(text, size):
    text = f"{text}{OSLO}\n{ROME}"
    deltas = read(CallReader(IN_WORDS, several=True), text, size)
    assert sum(delta.tokens for delta in deltas) <= -(-len(text) // size)


def test_arguments_are_told_as_they_come():
    reader = CallReader(IN_WORDS)
    beginning, city = OSLO[: OSLO.index('{"city')], '{"city": "Os'
    assert called(reader.read(beginning, 5)) == [("get_weather", "")]
    assert reader.read(city, 2) == [ToolCallDelta(0, arguments=city, tokens=2)]


def test_plain_text_is_not_held_back():
    assert CallReader(IN_WORDS).read("Hello", 1) == [TextDelta("Hello", 1)]


def test_what_was_held_back_keeps_its_count_of_tokens():
    reader = CallReader(IN_WORDS)
    assert reader.read("<tool", 1) == []
    assert reader.read("box>", 2) == [TextDelta("<toolbox>", 3)]


def test_a_call_that_was_cut_off_keeps_the_arguments_it_had():
    reader = CallReader(IN_WORDS)
    deltas = reader.read(OSLO[: OSLO.index("lo")], 9)
    assert called(deltas) == [("get_weather", '{"city": "Os')]
    assert reader.called
    assert reader.calls == []


def test_without_functions_everything_is_text():
    assert CallReader(None).read(OSLO, 9) == [TextDelta(OSLO, 9)]
