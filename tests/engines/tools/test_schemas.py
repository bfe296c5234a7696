"""Schemas of arguments: what holds a model to them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.engines.tools.calls import described
from antiphon.engines.tools.schemas import check_arguments, constraint_on
from antiphon.engines.tools.shapes import KEYWORDS, shape_fault
from antiphon.engines.tools.words import in_words
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def tool(**parameters: object) -> FunctionTool:
    return FunctionTool(name="f", parameters=parameters)


def test_arguments_that_the_schema_does_not_name_are_excluded():
    assert json.loads(constraint_on(tool(**CITY)).schema)["additionalProperties"] is False


@pytest.mark.parametrize(
    "schema",
    [
        {"additionalProperties": True},
        {"$ref": "#/$defs/a", "$defs": {"a": CITY}},
        {"anyOf": [CITY, {}]},
        {"required": ["city"]},
    ],
)
def test_a_schema_that_says_otherwise_is_left_as_it_is(schema):
    held = json.loads(constraint_on(tool(**schema)).schema)
    assert held.get("additionalProperties", True) is True


@pytest.mark.parametrize(
    ("extra", "complete"),
    [({"minLength": 3}, True), ({"format": "postcode"}, False), ({"not": {"const": "x"}}, False)],
)
def test_what_cannot_be_held_is_known(extra, complete):
    schema = {"type": "object", "properties": {"city": {"type": "string", **extra}}}
    assert constraint_on(tool(**schema)).complete is complete


def test_arguments_are_an_object_where_the_schema_also_allows_something_else():
    held = constraint_on(tool(type=["object", "null"], properties={"a": {"type": "null"}}))
    assert json.loads(held.schema)["type"] == "object"
    assert held.complete


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "string"}, "arguments are objects, not 'string'"),
        ({"type": ["array", "null"]}, r"arguments are objects, not \['array', 'null'\]"),
        ({"properties": None}, "'properties' must be an object of schemas, not null"),
        ({"properties": {"a": {"$ref": "#/$defs/gone"}}}, "'/\\$defs/gone' does not exist"),
        ({"properties": {"a": {"type": "text"}}}, "Invalid type: text"),
        ({"properties": {"a": {"type": "string", "pattern": "(?=x)"}}}, "regex parse error"),
        ({"allOf": [{"type": "object"}, {"type": "array"}]}, "Unsatisfiable"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_the_reason(schema, reason):
    with pytest.raises(EngineError, match=f"'f' cannot be used: .*{reason}") as caught:
        constraint_on(tool(**schema))
    assert caught.value.code == "invalid_function_parameters"


def test_a_pattern_that_cannot_be_used_is_shown_with_the_reason():
    with pytest.raises(EngineError) as caught:
        constraint_on(tool(properties={"a": {"type": "string", "pattern": "ab(?=x)"}}))
    assert caught.value.message.endswith(
        "cannot be used: regex parse error:\n"
        "    ab(?=x)\n"
        "      ^^^\n"
        "error: look-around, including look-ahead and look-behind, is not supported"
    )


def test_of_a_long_pattern_no_more_is_shown_than_can_be_read():
    with pytest.raises(EngineError) as caught:
        constraint_on(tool(properties={"a": {"type": "string", "pattern": "(a" * 5000}}))
    assert len(caught.value.message) < 700
    assert caught.value.message.endswith("error: unclosed group")


keywords = st.sampled_from([*KEYWORDS, "const", "default", "description", "a"])
words = st.sampled_from(["a", "#", "#/$defs/a", "[", "(?=a)", "object", "string", "array", "null"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keywords, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(parameters=st.dictionaries(keywords, anything, max_size=4))
def test_whatever_stands_in_a_schema_is_held_to_or_refused(parameters):
    anything_at_all = tool(**parameters)
    assert in_words([], [described(anything_at_all)])
    if shape_fault(parameters):
        with pytest.raises(EngineError) as caught:
            constraint_on(anything_at_all)
        assert caught.value.code == "invalid_function_parameters"
    else:
        with contextlib.suppress(EngineError):  # many say what nothing can be held to
            constraint_on(anything_at_all)


def test_arguments_are_checked_against_all_that_the_schema_says():
    numbers = tool(properties={"n": {"type": "array", "uniqueItems": True}})
    check_arguments(numbers, '{"n": [1, 2]}')
    with pytest.raises(EngineError, match=r"called f .* non-unique elements") as caught:
        check_arguments(numbers, '{"n": [1, 1]}')
    assert caught.value.code == "tool_call_failed"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"not": {"$ref": "https://example.com/s.json"}},
        {"properties": {"n": {"not": {"pattern": "(?=x)"}}}},
    ],
)
def test_a_schema_that_nothing_can_be_checked_against_is_refused_then(schema):
    with pytest.raises(EngineError, match=r"'f' cannot be used: .*cannot be checked") as caught:
        check_arguments(tool(**schema), '{"n": "x"}')
    assert caught.value.code == "invalid_function_parameters"
    assert len(caught.value.message) < 700


def test_a_key_that_comes_twice_does_not_make_up_for_one_that_is_missing():
    pair = tool(minProperties=2, additionalProperties=True)
    assert not constraint_on(pair).complete
    with pytest.raises(EngineError, match="does not have enough properties"):
        check_arguments(pair, '{"a": 1, "a": 2}')
