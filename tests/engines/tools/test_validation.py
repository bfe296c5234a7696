"""What a schema says of values that are complete."""

from __future__ import annotations

import time
from typing import Any

import pytest

from antiphon.engines.tools.validation import MOST_REFERENCES, fault_of

NESTED = "^(a+)+$"
"""Python's regular expressions try 2**n ways to match it with n letters before another one."""

CLOSED = {"additionalProperties": False}


def of_a(**schema: Any) -> dict[str, Any]:
    return {"properties": {"a": schema}}


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (1.2, {"multipleOf": 0.1}),
        (-3, {"multipleOf": 1.5}),
        (1e300, {"multipleOf": 1e-300}),
        ("a\x1eb", {"pattern": r"^\S+$"}),
        ('"\\/\x7f\x01é😀', {"pattern": r"^.{7}$"}),
        ("ab\ncd", {"pattern": "b\nc"}),
        ("Ünal", {"pattern": r"^\p{L}+$"}),
        ({"x_1": 1}, {"patternProperties": {"^x_": {"type": "integer"}}}),
        ({"x": 1, "y": 2}, {"properties": {"y": {}}, "additionalProperties": {"type": "integer"}}),
        ({"x_1": "s"}, {"patternProperties": {"^x_": {}}, "additionalProperties": False}),
        (3, {"anyOf": [{"type": "string"}, {"type": "number"}]}),
    ],
)
def test_what_fits_has_no_fault(value, schema):
    assert fault_of({"a": value}, of_a(**schema)) == ""


@pytest.mark.parametrize(
    ("value", "schema", "fault"),
    [
        (1.25, {"multipleOf": 0.1}, "1.25 is not a multiple of 0.1"),
        ("b\n", {"pattern": "^b$"}, r"'b\n' does not match '^b$'"),
        ({"x_1": ""}, {"patternProperties": {"^x_": {"type": "null"}}}, "'' is not of type 'null'"),
        ({"b": 1}, {"additionalProperties": False}, "there is no property 'b'"),
        ({"b": 1}, {"additionalProperties": {"type": "string"}}, "1 is not of type 'string'"),
        ([1, 1], {"uniqueItems": True}, "[1, 1] has non-unique elements"),
    ],
)
def test_what_does_not_fit_is_told(value, schema, fault):
    assert fault_of({"a": value}, of_a(**schema)) == fault


@pytest.mark.parametrize("draft", [None, "http://json-schema.org/draft-07/schema#"])
def test_no_pattern_takes_long_to_match(draft):
    not_so = {**of_a(pattern=NESTED), **({"$schema": draft} if draft else {})}
    nearly = "a" * 29 + "b"
    began = time.monotonic()
    assert fault_of({"a": nearly}, {"not": not_so}) == ""
    assert fault_of({"a": "a" * 30}, {"not": not_so})
    assert fault_of({"a": {nearly: 1}}, of_a(patternProperties={NESTED: False})) == ""
    assert fault_of({"a": {nearly: 1}}, of_a(patternProperties={NESTED: {}}, **CLOSED))
    assert time.monotonic() - began < 5


def test_no_pattern_is_matched_in_another_way():
    schema = {"patternProperties": {NESTED: {}}, "unevaluatedProperties": False}
    with pytest.raises(ValueError, match="cannot be checked together"):
        fault_of({"a" * 40 + "b": 1}, schema)


def test_references_are_followed_so_often_and_no_more():
    doubling = {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(40)}
    schema = {"$defs": {**doubling, "a40": {}}, "$ref": "#/$defs/a0"}
    with pytest.raises(ValueError, match=f"more than {MOST_REFERENCES} references"):
        fault_of({}, schema)
