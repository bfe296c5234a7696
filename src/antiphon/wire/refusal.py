"""Why a value does not fit a type, in the words and codes of the hosted API.

Decoding takes one pass of msgspec. Only when that fails does this second look walk the type next to
the raw JSON value, to name the field by its dotted path, the value, the limit, and what would have
been right. The messages follow the hosted API's own; where it has no public code for a broken
limit, the code is ``invalid_value``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import inspect

from antiphon.errors import RequestError

__all__ = ["InvalidFieldError", "explain", "listed"]

_QUOTED_CHARS = 64  # of a refused value, so that no error carries megabytes back

_ARTICLES = {
    "null": "null",
    "boolean": "a boolean",
    "integer": "an integer",
    "decimal": "a decimal",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}


class InvalidFieldError(ValueError):
    """A rule that the type system cannot express is broken. Raised while an object is made.

    Attributes:
        field: Path of the field, relative to the object; ``""`` for the object itself.
        message: As in ``RequestError``; ``{param}`` stands for the field's whole path.
        code: As in ``RequestError``.
    """

    def __init__(self, field: str, message: str, *, code: str = "invalid_value") -> None:
        super().__init__(message.replace("{param}", field))
        self.field = field
        self.message = message
        self.code = code


def listed(values: Iterable[object]) -> str:
    """Return values as an English list: ``'a', 'b', and 'c'``."""
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 3:
        return " and ".join(quoted)
    return ", ".join(quoted[:-1]) + f", and {quoted[-1]}"


def explain(wanted: Any, value: Any, error: msgspec.ValidationError) -> RequestError:  # noqa: ANN401
    """Return the refusal of a value that msgspec found not to fit a type.

    Args:
        wanted: The type: a struct or a union of structs.
        value: The JSON value as built-in Python objects.
        error: What msgspec said; its words are used if the walk finds no fault.
    """
    first = next(_faults(_type_info(wanted), value, ""), None)
    return first or RequestError(f"Invalid value: {error}.", code="invalid_value")


@lru_cache(maxsize=64)
def _type_info(wanted: Any) -> inspect.Type:  # noqa: ANN401
    return inspect.type_info(wanted)


def _faults(kind: inspect.Type, value: Any, path: str) -> Iterator[RequestError]:  # noqa: ANN401
    candidates = [option for option in _options(kind) if _json_name(option) == _name_of(value)]
    if _name_of(value) == "integer":
        candidates = candidates or [o for o in _options(kind) if isinstance(o, inspect.FloatType)]
    match candidates:
        case _ if any(isinstance(option, inspect.AnyType) for option in _options(kind)):
            return
        case _ if _name_of(value) == "object" and not isinstance(value, dict):
            return  # made already, as Python can where JSON cannot
        case []:
            yield _wrong_type(kind, value, path)
        case [inspect.StructType(), *_]:
            yield from _object_faults(candidates, value, path)
        case [inspect.DictType() as mapping]:
            yield from _mapping_faults(mapping, value, path)
        case [inspect.VarTupleType() | inspect.ListType() as array]:
            yield from _array_faults(array, value, path)
        case [inspect.BytesType() as audio]:
            yield from _base64_faults(audio, value, path)
        case [inspect.StrType() as text, *_]:
            yield from _text_faults(text, value, path)
        case [inspect.IntType() | inspect.FloatType() as number]:
            yield from _number_faults(number, value, path)
        case _:
            allowed = [
                v for o in candidates if isinstance(o, inspect.LiteralType) for v in o.values
            ]
            if allowed and value not in allowed:
                yield _not_one_of(allowed, value, path)


def _options(kind: inspect.Type) -> list[inspect.Type]:
    """Return the members of a union, or the one type that it is."""
    match kind:
        case inspect.Metadata():
            return _options(kind.type)
        case inspect.UnionType():
            return [option for member in kind.types for option in _options(member)]
        case _:
            return [kind]


def _json_name(kind: inspect.Type) -> str:
    match kind:
        case inspect.NoneType():
            return "null"
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType():
            return "integer"
        case inspect.FloatType():
            return "decimal"
        case inspect.LiteralType():
            return _name_of(kind.values[0])
        case inspect.StrType() | inspect.BytesType():
            return "string"
        case inspect.VarTupleType() | inspect.TupleType() | inspect.ListType():
            return "array"
        case _:
            return "object"


def _name_of(value: Any) -> str:  # noqa: ANN401
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "decimal"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case _:
            return "object"


def _object_faults(
    structs: Sequence[Any],
    value: dict[str, Any],
    path: str,
) -> Iterator[RequestError]:
    struct: inspect.StructType = structs[0]
    if struct.tag_field is not None and (len(structs) > 1 or struct.tag_field in value):
        tags = {option.tag: option for option in structs}
        tag_path = _join(path, struct.tag_field)
        if struct.tag_field not in value:
            yield _missing(tag_path)
            return
        tag = value[struct.tag_field]
        if not isinstance(tag, str):
            yield _invalid_type(tag_path, "a string", tag)
            return
        if tag not in tags:
            yield _not_one_of(list(tags), tag, tag_path)
            return
        struct = tags[tag]
    for field in struct.fields:
        if field.encode_name in value:
            yield from _faults(field.type, value[field.encode_name], _join(path, field.encode_name))
        elif field.required:
            yield _missing(_join(path, field.encode_name))
    if struct.forbid_unknown_fields:
        yield from _unknown_faults([field.encode_name for field in struct.fields], value, path)
    yield from _rule_faults(struct.cls, value, path)


def _unknown_faults(
    known: Sequence[str], value: dict[str, Any], path: str
) -> Iterator[RequestError]:
    for name in value:
        if name not in known:
            unknown = _join(path, name[:_QUOTED_CHARS])
            message = f"Unknown parameter: '{unknown}'."
            if nearest := get_close_matches(name, known, n=1):
                message += f" Did you mean '{nearest[0]}'?"
            yield RequestError(message, code="unknown_parameter", param=unknown)


def _rule_faults(cls: type, value: dict[str, Any], path: str) -> Iterator[RequestError]:
    if not hasattr(cls, "__post_init__"):
        return
    try:
        msgspec.convert(value, cls)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InvalidFieldError):
            param = _join(path, error.__cause__.field)
            message = error.__cause__.message.replace("{param}", param)
            yield RequestError(message, code=error.__cause__.code, param=param)


def _mapping_faults(
    mapping: inspect.DictType, value: dict[str, Any], path: str
) -> Iterator[RequestError]:
    if mapping.max_length is not None and len(value) > mapping.max_length:
        yield RequestError(
            f"Invalid '{path}': too many properties. Expected an object with at most "
            f"{mapping.max_length} properties, but got an object with {len(value)} properties "
            "instead.",
            code="invalid_value",
            param=path,
        )
    for key, item in value.items():
        item_path = _join(path, key[:_QUOTED_CHARS])
        yield from _faults(mapping.key_type, key, item_path)
        yield from _faults(mapping.value_type, item, item_path)


def _array_faults(
    array: inspect.VarTupleType | inspect.ListType, value: list[Any], path: str
) -> Iterator[RequestError]:
    if not value and array.min_length:
        yield RequestError(
            f"Invalid '{path}': empty array. Expected an array with minimum length "
            f"{array.min_length}, but got an empty array instead.",
            code="invalid_value",
            param=path,
        )
    if array.max_length is not None and len(value) > array.max_length:
        yield RequestError(
            f"Invalid '{path}': array too long. Expected an array with maximum length "
            f"{array.max_length}, but got an array with length {len(value)} instead.",
            code="invalid_value",
            param=path,
        )
    for index, item in enumerate(value):
        yield from _faults(array.item_type, item, f"{path}[{index}]")


def _text_faults(text: inspect.StrType, value: str, path: str) -> Iterator[RequestError]:
    if text.max_length is not None and len(value) > text.max_length:
        yield RequestError(
            f"Invalid '{path}': string too long. Expected a string with maximum length "
            f"{text.max_length}, but got a string with length {len(value)} instead.",
            code="string_above_max_length",
            param=path,
        )
    elif text.min_length is not None and len(value) < text.min_length:
        yield RequestError(
            f"Invalid '{path}': string too short. Expected a string with minimum length "
            f"{text.min_length}, but got a string with length {len(value)} instead.",
            code="invalid_value",
            param=path,
        )
    elif text.pattern is not None and not re.search(text.pattern, value):
        yield RequestError(
            f"Invalid '{path}': '{_shown(value)}'. Expected a string that contains only letters, "
            "numbers, underscores, or dashes.",
            code="invalid_value",
            param=path,
        )


def _base64_faults(audio: inspect.BytesType, value: str, path: str) -> Iterator[RequestError]:
    try:
        size_bytes = len(msgspec.convert(value, bytes))
    except msgspec.ValidationError:
        yield RequestError(
            f"Invalid '{path}': the audio is not valid base64. Expected standard base64 with "
            "padding and without line breaks.",
            code="invalid_value",
            param=path,
        )
        return
    if audio.max_length is not None and size_bytes > audio.max_length:
        yield RequestError(
            f"Invalid '{path}': too much audio. Expected at most {audio.max_length} bytes of audio "
            f"in one event, but got {size_bytes} bytes instead. Send it in several events.",
            code="invalid_value",
            param=path,
        )


def _number_faults(
    number: inspect.IntType | inspect.FloatType, value: float, path: str
) -> Iterator[RequestError]:
    name = "integer" if isinstance(number, inspect.IntType) else "decimal"
    for sign, fits, limit, where in (
        ("<=", operator.le, number.le, "above maximum"),
        ("<", operator.lt, number.lt, "above maximum"),
        (">=", operator.ge, number.ge, "below minimum"),
        (">", operator.gt, number.gt, "below minimum"),
    ):
        if limit is not None and not fits(value, limit):  # what is no number fits none
            above = (name, where) == ("integer", "above maximum")
            yield RequestError(
                f"Invalid '{path}': {name} {where} value. Expected a value {sign} {limit}, "
                f"but got {value} instead.",
                code="integer_above_max_value" if above else "invalid_value",
                param=path,
            )
            return


def _missing(path: str) -> RequestError:
    return RequestError(
        f"Missing required parameter: '{path}'.", code="missing_required_parameter", param=path
    )


def _not_one_of(allowed: Sequence[object], value: object, path: str) -> RequestError:
    return RequestError(
        f"Invalid value: '{_shown(value)}'. Supported values are: {listed(allowed)}.",
        code="invalid_value",
        param=path,
    )


def _wrong_type(kind: inspect.Type, value: object, path: str) -> RequestError:
    names = list(dict.fromkeys(_ARTICLES[_json_name(option)] for option in _options(kind)))
    expected = (
        names[0] if len(names) == 1 else "one of " + ", ".join(names[:-1]) + f" or {names[-1]}"
    )
    return _invalid_type(path, expected, value)


def _invalid_type(path: str, expected: str, value: object) -> RequestError:
    return RequestError(
        f"Invalid type for '{path}': expected {expected}, but got {_ARTICLES[_name_of(value)]} "
        "instead.",
        code="invalid_type",
        param=path,
    )


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= _QUOTED_CHARS else text[:_QUOTED_CHARS] + "…"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name
