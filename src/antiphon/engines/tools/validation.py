"""Checks values against a JSON Schema, where nothing held the model to it while it wrote.

The schema is a client's, so none may keep a thread for ever. Patterns are matched by llguidance, in
one pass over the text; Python's regular expressions take hours for some, and nothing else of the
program runs meanwhile. References are followed so often and no more. And what fits is judged as
while the model wrote: 1.2 is a multiple of 0.1.
"""

# ruff: noqa: ANN401  (jsonschema and llguidance are untyped, and JSON may be anything)
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from typing import Any

__all__ = ["MOST_REFERENCES", "fault_of"]

MOST_REFERENCES = 10_000
"""Followed in one check. Two in each schema, to the next one, make a thousand of ten schemas."""

_Keyword = Callable[[Any, Any, Any, Any], Iterator[Any]]
"""As jsonschema wants it: of a validator, the keyword's value, what is checked, and the schema
around the keyword, makes what is wrong."""


def fault_of(value: object, schema: dict[str, Any]) -> str:
    """Return what about a value its schema does not allow; ``""`` if nothing.

    Args:
        value: What was written, as JSON values.
        schema: That of it, free of faults in its shape.

    Raises:
        Exception: Of any kind, jsonschema's own too: nothing can be checked against such a schema.
    """
    import jsonschema  # noqa: PLC0415 (slow to import, and seldom needed)
    from referencing import Registry  # noqa: PLC0415

    text = json.dumps(schema)
    if '"unevaluatedProperties"' in text and '"patternProperties"' in text:
        message = "'unevaluatedProperties' and 'patternProperties' cannot be checked together"
        raise ValueError(message)
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    kind = jsonschema.validators.extend(kind, {**_OWN_KEYWORDS, **_references(kind.VALIDATORS)})
    errors = kind(_of_one_draft(schema), registry=Registry()).iter_errors(value)
    error = jsonschema.exceptions.best_match(errors)
    return "" if error is None else error.message


def _of_one_draft(schema: Any) -> Any:
    """The same without what has jsonschema take another validator for a part of it."""
    match schema:
        case {"$schema": str(), **others}:
            return _of_one_draft(others)
        case dict():
            return {name: _of_one_draft(inner) for name, inner in schema.items()}
        case list():
            return [_of_one_draft(inner) for inner in schema]
        case _:
            return schema


def _references(keywords: dict[str, _Keyword]) -> dict[str, _Keyword]:
    """The keywords that refer to other schemas, together as often as that may be."""
    left = iter(range(MOST_REFERENCES))

    def bounded(follow: _Keyword) -> _Keyword:
        def keyword(*arguments: Any) -> Iterator[Any]:
            if next(left, None) is None:
                message = f"it takes more than {MOST_REFERENCES} references to check"
                raise ValueError(message)
            yield from follow(*arguments) or ()

        return keyword

    names = ("$ref", "$dynamicRef", "$recursiveRef")
    return {name: bounded(keywords[name]) for name in names if name in keywords}


def _wrong(message: str) -> Any:
    from jsonschema import ValidationError  # noqa: PLC0415 (slow to import)

    return ValidationError(message)


def _pattern(validator: Any, wanted: Any, value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "string") and not _fits(wanted, value):
        yield _wrong(f"{value!r} does not match {wanted!r}")


def _pattern_properties(validator: Any, schemas: Any, value: Any, _: Any) -> Iterator[Any]:
    for wanted, schema in schemas.items() if validator.is_type(value, "object") else ():
        for name, inner in value.items():
            if _fits(wanted, name):
                yield from validator.descend(inner, schema, path=name, schema_path=wanted)


def _additional_properties(validator: Any, wanted: Any, value: Any, around: Any) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    patterns = around.get("patternProperties", {})
    for name in value.keys() - around.get("properties", {}).keys():
        if any(_fits(one, name) for one in patterns):
            continue
        if wanted is False:
            yield _wrong(f"there is no property {name!r}")
        else:
            yield from validator.descend(value[name], wanted, path=name)


def _multiple_of(validator: Any, factor: Any, value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "number") and Fraction(str(value)) % Fraction(str(factor)):
        yield _wrong(f"{value!r} is not a multiple of {factor!r}")


_OWN_KEYWORDS: dict[str, _Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "multipleOf": _multiple_of,
}


@cache
def _bytes() -> Any:
    from llguidance import LLTokenizer  # noqa: PLC0415 (an optional extra)

    return LLTokenizer("byte")


def _fits(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text. Takes a millisecond.

    Raises:
        ValueError: It is no pattern that llguidance knows.
    """
    from llguidance import LLMatcher  # noqa: PLC0415 (an optional extra)

    schema = json.dumps({"type": "string", "pattern": pattern})
    matcher = LLMatcher(_bytes(), f"%llguidance {{}}\nstart: %json {schema}", log_level=0)
    if error := matcher.get_error():
        raise ValueError(error)
    # What JSON lets stand for itself and llguidance does not.
    written = json.dumps(text, ensure_ascii=False).replace("\x7f", r"\u007F").encode()
    return matcher.try_consume_tokens(list(written)) == len(written) and matcher.is_accepting()
