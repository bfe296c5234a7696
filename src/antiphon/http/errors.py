"""HTTP errors in the one shape that clients know: ``{"error": {message, type, param, code}}``."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from antiphon.errors import RequestError
from antiphon.wire.codec import encode
from antiphon.wire.error import HttpErrorBody

__all__ = ["error_response", "http_exception"]


def error_response(error: RequestError, *, status: int) -> Response:
    """Return the answer that tells of a refusal."""
    body = encode(HttpErrorBody.of(error))
    return Response(body, status_code=status, media_type="application/json")


async def http_exception(request: Request, exception: Exception) -> Response:
    """Answer for requests that no route takes."""
    assert isinstance(exception, HTTPException)
    error = RequestError(
        f"{request.method} {request.url.path}: {exception.detail}.",
        code="unknown_url" if exception.status_code == 404 else None,
    )
    response = error_response(error, status=exception.status_code)
    response.headers.update(exception.headers or {})
    return response
