"""JSON Schema of the wire types, made from the types themselves."""

from __future__ import annotations

from types import ModuleType, UnionType
from typing import Any, Union, get_origin

import msgspec

from antiphon.wire import (
    client_events,
    error,
    items,
    kept,
    pages,
    response,
    rest,
    server_events,
    session,
    transcription_events,
    translation,
)

__all__ = ["DIALECT", "TYPES", "json_schema", "types_of"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def types_of(module: ModuleType) -> dict[str, Any]:
    """Return the objects and unions of objects that a module exports, by name."""
    exported = {name: getattr(module, name) for name in module.__all__}
    return {name: value for name, value in exported.items() if _is_object(value)}


def _is_object(value: object) -> bool:
    if isinstance(value, type):
        return issubclass(value, msgspec.Struct)
    return get_origin(value) in {Union, UnionType}


TYPES: dict[str, Any] = {
    name: value
    for module in (
        response,
        items,
        session,
        client_events,
        server_events,
        transcription_events,
        error,
        rest,
        kept,
        pages,
        translation,
    )
    for name, value in types_of(module).items()
}
"""Every object of the protocol and every union of them, by its name."""


def json_schema(name: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a type, or of all of them.

    Args:
        name: A key of ``TYPES``, for example ``RealtimeResponse``; ``None`` for a schema that
            only defines every type under ``$defs``.

    Raises:
        KeyError: No type has that name; the message lists the names there are.
    """
    if name is not None and name not in TYPES:
        message = f"no wire type is called {name!r}; there are {', '.join(sorted(TYPES))}"
        raise KeyError(message)
    wanted = TYPES.values() if name is None else [TYPES[name]]
    roots, definitions = msgspec.json.schema_components(wanted, ref_template="#/$defs/{name}")
    root = roots[0] if name is not None else {}
    schema = {"$schema": DIALECT, **root, "$defs": definitions}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(schema))  # tuples to lists
    return plain
