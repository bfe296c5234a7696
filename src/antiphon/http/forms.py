"""Reading forms with a file: of a limited size, the file not in memory, the fields as a struct."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, BinaryIO, NamedTuple, TypeVar

import msgspec
from msgspec import inspect
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from antiphon.errors import RequestError
from antiphon.http.bodies import MAX_BODY_BYTES
from antiphon.wire.refusal import explain

__all__ = ["MAX_UPLOAD_BYTES", "Form", "read_form", "read_texts"]

MAX_UPLOAD_BYTES = 25 * 1024 * 1024
"""As documented of the hosted service. Beyond the first megabyte, a file lies on the disk."""

_MAX_FIELDS = 100

_T = TypeVar("_T")


class Form(NamedTuple):
    """A form that has been read.

    Attributes:
        fields: What it has beside files, by name; a name that is there twice has two values.
        file: Content of the field ``file``.
    """

    fields: list[tuple[str, str]]
    file: BinaryIO

    def read_as(self, wanted: type[_T]) -> _T:
        """Return the fields as a struct.

        Lists are written ``name[]`` or ``name``, once for each entry; the fields of an object
        ``name[field]``, or all of them as JSON. Unknown and empty fields are ignored.

        Raises:
            RequestError: ``invalid_value``: they do not fit.
        """
        raw = _nested(self.fields, _list_fields(wanted))
        try:
            return msgspec.convert(raw, wanted, strict=False)
        except msgspec.ValidationError as error:
            raise _misfit(wanted, raw, error) from None


@asynccontextmanager
async def read_form(request: Request) -> AsyncIterator[Form]:
    """Read a form; its file is there as long as the context is open.

    Raises:
        HTTPException: 413, the body is too large; 415, it is no form; 400, it is malformed.
        RequestError: ``missing_required_parameter``: it has no file.
    """
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/form-data"):
        wanted = "Send a form with the content type 'multipart/form-data', and the file in it"
        raise HTTPException(415, wanted)
    bounded = Request(request.scope, _Bounded(request, MAX_UPLOAD_BYTES).receive)
    async with bounded.form(max_files=1, max_fields=_MAX_FIELDS) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            message = "Missing required parameter: 'file'. Send it as a file, with a file name."
            raise RequestError(message, code="missing_required_parameter", param="file")
        yield Form(_texts(form), file.file)


async def read_texts(request: Request, names: Collection[str]) -> dict[str, str]:
    """Return the texts of a form by their names, whether they come as fields or as files.

    Args:
        request: With a body of ``multipart/form-data``.
        names: What to look for; other parts are ignored.

    Raises:
        HTTPException: 413, the body is too large; 400, it is malformed.
    """
    bounded = Request(request.scope, _Bounded(request, MAX_BODY_BYTES).receive)
    form = bounded.form(max_files=_MAX_FIELDS, max_fields=_MAX_FIELDS, max_part_size=MAX_BODY_BYTES)
    texts = {}
    async with form as parts:
        for name, value in parts.multi_items():
            if name in names:
                content = value if isinstance(value, str) else await value.read()
                texts[name] = (
                    content if isinstance(content, str) else content.decode(errors="replace")
                )
    return texts


class _Bounded:
    """Reads no more than there may be: what a client says of the length need not be true."""

    def __init__(self, request: Request, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._receive = request.receive
        self._read_bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._read_bytes += len(message.get("body", b""))
        if self._read_bytes > self._max_bytes:
            limit = f"Maximum content size limit ({self._max_bytes}) exceeded. Send a smaller file"
            raise HTTPException(413, limit)
        return message


def _texts(form: FormData) -> list[tuple[str, str]]:
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


def _list_fields(wanted: type) -> frozenset[str]:
    struct = inspect.type_info(wanted)
    assert isinstance(struct, inspect.StructType)
    return frozenset(field.name for field in struct.fields if _is_list(field.type))


def _is_list(kind: inspect.Type) -> bool:
    inner = kind.type if isinstance(kind, inspect.Metadata) else kind
    return isinstance(inner, inspect.VarTupleType)


def _nested(fields: list[tuple[str, str]], lists: frozenset[str]) -> dict[str, Any]:
    """Return fields as the JSON value that they stand for, its scalars still text."""
    raw: dict[str, Any] = {}
    for path, text in fields:
        if not text:
            continue
        name, _, rest = path.partition("[")
        inner = rest.removesuffix("]")
        if name in lists:
            raw.setdefault(name, []).append(text)
        elif inner:
            if isinstance(raw.setdefault(name, {}), dict):
                raw[name][inner] = text
        else:
            raw[name] = _object_or_text(text)
    return raw


def _object_or_text(text: str) -> Any:  # noqa: ANN401 (any JSON value)
    if not text.startswith("{"):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _misfit(wanted: type, raw: dict[str, Any], error: msgspec.ValidationError) -> RequestError:
    """Return the refusal of the field that msgspec names: ``… - at `$.temperature```."""
    path = str(error).partition("`$.")[2]
    field = re.split(r"[.\[`]", path)[0]
    given = {field: _scalars(raw[field])} if field in raw else raw
    return explain(wanted, given, error)


def _scalars(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """Return a value whose numbers and booleans are such, and not text."""
    match value:
        case dict():
            return {name: _scalars(inner) for name, inner in value.items()}
        case str():
            try:
                return msgspec.json.decode(value)
            except msgspec.DecodeError:
                return value
        case _:
            return value
