"""Makes the OpenAPI document of all pages."""

from __future__ import annotations

import inspect as python_inspect
import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from antiphon.http.openapi.operation import Key, Operation
from antiphon.http.openapi.operations import OPERATIONS, PATH_PARAMETERS
from antiphon.wire.error import HttpErrorBody

__all__ = ["document", "openapi_page", "written"]

OPENAPI_VERSION = "3.1.0"

_REFERENCE = "#/components/schemas/{name}"
_SECURITY: dict[Key, list[dict[str, list[str]]]] = {
    Key.NONE: [],
    Key.ANY: [{"key": []}],
    Key.ANY_OR_SECRET: [{"key": []}, {"client_secret": []}],
    Key.ADMIN: [{"admin_key": []}],
}
_SCHEMES = {
    "key": "An API key of the server. Where the server has none, any will do, and none as well.",
    "client_secret": "A client secret, which begins with `ek_`.",
    "admin_key": "One of the server's admin keys; where it needs no keys, as `key`.",
}
_ERRORS = {
    400: "Something about the request cannot be; `error.param` says what.",
    401: "The API key is missing, or is none of this server's.",
    403: "The key or the page may not do this.",
    404: "There is no such thing here.",
    409: "Not while it is in use.",
    413: "The body is too large.",
    415: "The body is of another kind than is taken here.",
    426: "This is a WebSocket.",
    429: "Too much at once; `Retry-After` says when to come again.",
    500: "The server, or an engine of it, made a mistake.",
    501: "Not built.",
    503: "Not at the moment; `Retry-After` says when to come again.",
}


@cache
def document() -> dict[str, Any]:
    """Return the document: OpenAPI 3.1, of which JSON Schema 2020-12 is a part."""
    types = tuple(dict.fromkeys(_types()))
    roots, definitions = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    schemas = dict(zip(types, roots, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        described = _described(operation, schemas, definitions)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    made = {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "Antiphon",
            "version": "1",
            "summary": "The pages of a server that speaks the OpenAI Realtime API.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {name: _tidied(one) for name, one in sorted(definitions.items())},
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": description}
                for name, description in _SCHEMES.items()
            },
        },
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(made))  # tuples to lists
    return plain


def written() -> bytes:
    """Return the document as it is served and kept among the reference pages."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n"


async def openapi_page(_request: Request) -> Response:
    """``GET /v1/antiphon/openapi.json``."""
    return Response(written(), media_type="application/json")


def _types() -> Iterator[Any]:
    yield HttpErrorBody
    for operation in OPERATIONS:
        if operation.query is not None:
            yield operation.query
        for told in (operation.body, operation.answer, operation.also):
            for kind in told.values():
                yield from _one_or_more(kind)


def _described(
    operation: Operation, schemas: dict[Any, Any], definitions: dict[str, Any]
) -> dict[str, Any]:
    query = [] if operation.query is None else _parameters(definitions[operation.query.__name__])
    errors = {status: _failure(status, HttpErrorBody, schemas) for status in operation.errors}
    errors |= {status: _failure(status, kind, schemas) for status, kind in operation.also.items()}
    described = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": _SECURITY[operation.key],
        "parameters": [*_path_parameters(operation.path), *query],
        "responses": {
            str(status): answer
            for status, answer in sorted(
                ({operation.status: _success(operation, schemas)} | errors).items()
            )
        },
    }
    if operation.body:
        content = {kind: _content(body, schemas) for kind, body in operation.body.items()}
        described["requestBody"] = {"content": content, "required": operation.needs_body}
    return described


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH_PARAMETERS[name],
            "schema": {"type": "string", "minLength": 1},
        }
        for name in re.findall(r"{(\w+)}", path)
    ]


def _parameters(struct: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters that the fields of a struct are."""
    return [
        {"name": name, "in": "query", "required": name in struct.get("required", ())}
        | _written_as(schema)
        | {
            "description": schema.get("description", ""),
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in struct["properties"].items()
    ]


def _written_as(schema: dict[str, Any]) -> dict[str, Any]:
    """Return how a parameter is written; see :mod:`antiphon.http.parameters`."""
    if schema.get("type") == "object":
        return {"style": "deepObject", "explode": True}
    return {"style": "form", "explode": False} if schema.get("type") == "array" else {}


def _success(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    content = {kind: _content(answer, schemas) for kind, answer in operation.answer.items()}
    told: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    return told | {"content": content} if content else told


def _failure(status: int, kind: Any, schemas: dict[Any, Any]) -> dict[str, Any]:  # noqa: ANN401 (any type)
    content = {"application/json": {"schema": schemas[kind]}}
    return {"description": _ERRORS[status], "content": content}


def _content(told: Any, schemas: dict[Any, Any]) -> dict[str, Any]:  # noqa: ANN401 (any type)
    kinds = _one_or_more(told)
    match kinds:
        case ():
            return {}
        case (kind,):
            return {"schema": schemas[kind]}
        case _:
            return {"schema": {"anyOf": [schemas[kind] for kind in kinds]}}


def _one_or_more(told: Any) -> tuple[Any, ...]:  # noqa: ANN401 (any type)
    """Return the types of a body; ``None`` stands for what is no JSON."""
    if isinstance(told, tuple):
        return told
    return () if told is None else (told,)


def _tidied(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema whose description is for those who use the server: without ``Raises``."""
    if "description" not in schema:
        return schema
    text = python_inspect.cleandoc(schema["description"]).split("\n\nRaises:", maxsplit=1)[0]
    return schema | {"description": text.replace("``", "`")}
