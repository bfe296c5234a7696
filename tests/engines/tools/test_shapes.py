"""What a schema has to be like before anybody reads it."""

from __future__ import annotations

import pytest

from antiphon.engines.tools.shapes import shape_fault

CITY = {"type": "string", "minLength": 1}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"properties": {"city": CITY, "any": True}, "required": ["city"]},
        {"type": ["object", "null"], "additionalProperties": False},
        {"properties": {"n": {"enum": [1, "two", None, {"three": []}], "const": {"type": 3}}}},
        {"properties": {"pair": {"items": [CITY, {}]}, "row": {"items": CITY, "minItems": 2.0}}},
        {"properties": {"n": {"minimum": 0, "exclusiveMinimum": True, "multipleOf": 0.5}}},
        {"dependencies": {"a": ["b"], "c": {"required": ["d"]}}, "dependentRequired": {"a": ["b"]}},
        {"properties": {"required": CITY, "type": CITY}},
        {"default": {"properties": None}, "title": 3, "x-mine": [None]},
    ],
)
def test_what_json_schema_allows_has_no_fault(schema):
    assert shape_fault(schema) == ""


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"properties": None}, "'properties' must be an object of schemas, not null"),
        ({"properties": [CITY]}, "'properties' must be an object of schemas, not a list"),
        ({"properties": {"a": 3}}, "'properties.a' must be a schema, not 3"),
        ({"required": None}, "'required' must be a list of strings, not null"),
        ({"required": [{}]}, "'required[0]' must be a string, not an object"),
        (
            {"properties": {"a": {"required": True}}},
            "'properties.a.required' must be a list of str",
        ),
        ({"$defs": {"a": {"items": "b"}}}, "'$defs.a.items' must be a schema, not \"b\""),
        ({"anyOf": {"type": "object"}}, "'anyOf' must be a list of schemas, not an object"),
        ({"anyOf": [{}, {"enum": None}]}, "'anyOf[1].enum' must be a list, not null"),
        ({"not": {"minItems": -1}}, "'not.minItems' must be a whole number, 0 or more, not -1"),
        ({"not": {"minItems": 1e999}}, "'not.minItems' must be a whole number"),
        ({"if": {"maximum": True}}, "'if.maximum' must be a number, not true"),
        ({"type": ["object", None]}, "'type[1]' must be a string, not null"),
        ({"dependencies": {"a": 1}}, "'dependencies.a' must be a schema or a list of strings"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(schema, fault):
    assert shape_fault(schema).startswith(fault)


def test_a_fault_is_told_in_few_words_however_long_what_is_wrong_is():
    assert len(shape_fault({"properties": {"a" * 5000: "b" * 5000}})) < 200
    nested: dict[str, object] = {"properties": None}
    for _ in range(5000):
        nested = {"not": nested}
    assert len(shape_fault(nested)) < 200
