"""Reading the bodies of requests, of a limited size."""

from __future__ import annotations

from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from antiphon.errors import RequestError
from antiphon.wire.codec import decode_as

__all__ = ["MAX_BODY_BYTES", "read_bytes", "read_json"]

MAX_BODY_BYTES = 1 << 20
"""A session's settings, with tools and long instructions, are some kilobytes."""

_T = TypeVar("_T")


async def read_json(request: Request, wanted: type[_T]) -> _T:
    """Return the object of a type in a request's body; an empty body is an empty object.

    Raises:
        HTTPException: 413, the body is too large; 415, it is not JSON by its content type.
        RequestError: It is not JSON after all, or does not fit the type.
    """
    body = await read_bytes(request)
    if not body:
        body = b"{}"
    else:
        _check_content_type(request)
    try:
        return decode_as(body, wanted)
    except RequestError as error:
        if error.param != "":
            raise
        message = "The body is not a JSON object. Send one, or nothing for the defaults."
        raise RequestError(message, code=error.code) from None


async def read_bytes(request: Request) -> bytes:
    """Return a request's body.

    No more is read than there may be: what a client says of the length need not be true.

    Raises:
        HTTPException: 413, the body is too large.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            limit = f"The body is too large: at most {MAX_BODY_BYTES} bytes are read."
            raise HTTPException(413, limit)
    return bytes(body)


def _check_content_type(request: Request) -> None:
    content_type = request.headers.get("content-type", "application/json")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json":
        wrong = (
            f"The content type is '{media_type}'; send 'application/json', and JSON in the body."
        )
        raise HTTPException(415, wrong)
