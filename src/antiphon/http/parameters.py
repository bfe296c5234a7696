"""Reads the query of an address as a struct, and refuses what is not in it."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from msgspec import inspect
from starlette.datastructures import QueryParams

from antiphon.errors import RequestError
from antiphon.wire.refusal import explain

__all__ = ["NoParameters", "read_parameters"]

_T = TypeVar("_T")

_SHOWN_CHARS = 64

_PAIR = re.compile(r"([^\[]*)\[(.*)\]", re.DOTALL)
"""``name[key]``; the key may have brackets itself."""


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of a page that takes no parameters."""


def read_parameters(query: QueryParams, wanted: type[_T]) -> _T:
    """Return the parameters of a query.

    A mapping is written ``name[key]=value``, once for each of its pairs, a list with commas.

    Args:
        query: With names and values decoded.
        wanted: A struct that forbids unknown fields.

    Raises:
        RequestError: ``unknown_parameter``, ``invalid_value`` and others, whose ``param`` is the
            parameter: one is unknown, there twice, or does not fit.
    """
    struct = inspect.type_info(wanted)
    assert isinstance(struct, inspect.StructType)
    kinds = {field.encode_name: field.type for field in struct.fields}
    raw: dict[str, Any] = {}
    for name, text in query.multi_items():
        pair = _PAIR.fullmatch(name)
        if pair and isinstance(_plain(kinds.get(pair[1])), inspect.DictType):
            _put(raw.setdefault(pair[1], {}), pair[2], text, name)
        elif isinstance(_plain(kinds.get(name)), inspect.VarTupleType):
            _put(raw, name, text.split(",") if text else [], name)
        elif name in kinds:
            _put(raw, name, text, name)
        else:
            raw[name] = text  # to be refused with the rest that does not fit
    try:
        return msgspec.convert(raw, wanted, strict=False)
    except msgspec.ValidationError as error:
        known = {name: _as_meant(value, kinds.get(name)) for name, value in raw.items()}
        raise explain(wanted, known, error) from None


def _plain(kind: inspect.Type | None) -> inspect.Type | None:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _put(raw: dict[str, Any], key: str, value: object, name: str) -> None:
    if key in raw:
        shown = name[:_SHOWN_CHARS]
        message = f"The parameter '{shown}' is there twice. Give it once."
        raise RequestError(message, code="invalid_value", param=shown)
    raw[key] = value


def _as_meant(value: object, kind: inspect.Type | None) -> object:
    """Return a value as JSON has it, for the refusal to be in its words: numbers as numbers."""
    options = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    numeric = any(isinstance(_plain(one), inspect.IntType | inspect.FloatType) for one in options)
    if not numeric or not isinstance(value, str):
        return value
    try:
        number = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value
    return number if isinstance(number, int | float) else value
