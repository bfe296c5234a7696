"""Whether what a client gives for a JSON Schema is one: each keyword with a value of its kind.

What the values mean together, and whether arguments can be held to them, is for ``schemas.py``. But
whoever reads a schema may rely on this much: properties are an object, what is required is a list
of names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

__all__ = ["KEYWORDS", "shape_fault"]

_SHOWN_CHARS = 60


class _Kind(NamedTuple):
    """What may stand in a place.

    Attributes:
        name: What it is called.
        fits: Whether a value is of it, whatever is within.
        within: What else there is in a value that fits: where, what, and of which kind that is to
            be.
    """

    name: str
    fits: Callable[[Any], bool]
    within: Callable[[Any], Iterator[_Place]] = lambda _: iter(())


_Place = tuple[str, Any, _Kind]


def _is_number(value: Any) -> bool:  # noqa: ANN401 (anything that JSON can be)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list_of(kind: _Kind, name: str) -> _Kind:
    return _Kind(
        name,
        lambda value: isinstance(value, list),
        lambda value: ((f"[{index}]", one, kind) for index, one in enumerate(value)),
    )


def _object_of(kind: _Kind, name: str) -> _Kind:
    return _Kind(
        name,
        lambda value: isinstance(value, dict),
        lambda value: ((f".{key}", one, kind) for key, one in value.items()),
    )


def _either(name: str, *kinds: _Kind) -> _Kind:
    """What is of one of several kinds, of which no value fits two."""

    def fitting(value: Any) -> _Kind | None:  # noqa: ANN401
        return next((kind for kind in kinds if kind.fits(value)), None)

    def within(value: Any) -> Iterator[_Place]:  # noqa: ANN401
        kind = fitting(value)
        return kind.within(value) if kind else iter(())

    return _Kind(name, lambda value: fitting(value) is not None, within)


def _keywords_of(value: Any) -> Iterator[_Place]:  # noqa: ANN401
    for keyword, inner in value.items() if isinstance(value, dict) else ():
        if kind := KEYWORDS.get(keyword):
            yield f".{keyword}", inner, kind


_TEXT = _Kind("a string", lambda value: isinstance(value, str))
_CHOICE = _Kind("true or false", lambda value: isinstance(value, bool))
_NUMBER = _Kind("a number", _is_number)
_FACTOR = _Kind("a number above 0", lambda value: _is_number(value) and value > 0)
_COUNT = _Kind(
    "a whole number, 0 or more",
    lambda value: _is_number(value) and value >= 0 and value % 1 == 0,
)
_ANY = _Kind("anything", lambda _: True)
_NAMES = _list_of(_TEXT, "a list of strings")
_SCHEMA = _Kind("a schema", lambda value: isinstance(value, dict | bool), _keywords_of)
_SCHEMAS = _list_of(_SCHEMA, "a list of schemas")

KEYWORDS = {
    keyword: kind
    for keywords, kind in {
        "$id $schema $ref $anchor $dynamicRef $dynamicAnchor pattern format": _TEXT,
        "type": _either("a string or a list of strings", _TEXT, _NAMES),
        "required": _NAMES,
        "enum": _list_of(_ANY, "a list"),
        "uniqueItems": _CHOICE,
        "minimum maximum": _NUMBER,
        # In the drafts up to 4 it is true where the other bound is itself excluded.
        "exclusiveMinimum exclusiveMaximum": _either("a number", _NUMBER, _CHOICE),
        "multipleOf": _FACTOR,
        "minLength maxLength minItems maxItems minContains maxContains": _COUNT,
        "minProperties maxProperties": _COUNT,
        "allOf anyOf oneOf prefixItems": _SCHEMAS,
        # In the drafts up to 2019-09 it is a list where each item has a schema of its own.
        "items": _either("a schema", _SCHEMA, _SCHEMAS),
        "contains else if not then": _SCHEMA,
        "additionalItems additionalProperties propertyNames": _SCHEMA,
        "unevaluatedItems unevaluatedProperties": _SCHEMA,
        "properties patternProperties": _object_of(_SCHEMA, "an object of schemas"),
        "$defs definitions dependentSchemas": _object_of(_SCHEMA, "an object of schemas"),
        "dependentRequired": _object_of(_NAMES, "an object of lists of strings"),
        "dependencies": _object_of(
            _either("a schema or a list of strings", _SCHEMA, _NAMES), "an object"
        ),
    }.items()
    for keyword in keywords.split()
}
"""What each keyword takes; those that are not here may have any values."""


def shape_fault(schema: dict[str, Any]) -> str:
    """Return what is wrong with the value of a keyword, and where; ``""`` if nothing is."""
    left: list[_Place] = [("", schema, _SCHEMA)]
    while left:
        place, value, kind = left.pop()
        if not kind.fits(value):
            return f"'{_cut(place[1:])}' must be {kind.name}, not {_cut(_named(value))}"
        left += [(place + where, inner, kind) for where, inner, kind in kind.within(value)]
    return ""


def _named(value: object) -> str:
    if isinstance(value, dict | list):  # may be large
        return "an object" if isinstance(value, dict) else "a list"
    return json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
