"""HTTP errors in the one shape that clients know: ``{"error": {message, type, param, code}}``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import ceil
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from antiphon.errors import BusyError, EngineError, RequestError
from antiphon.http.answers import json_response
from antiphon.wire.error import HttpErrorBody

__all__ = ["EXCEPTIONS", "error_response", "refusal_of", "status_of"]

_log = logging.getLogger(__name__)

OVERLOADED_RETRY_S = 5.0
"""When a client may ask again for what an engine had no room for."""

_STATUSES = {
    "call_not_found": 404,
    "invalid_api_key": 401,
    "model_not_found": 404,
    "not_found": 404,
    "origin_not_allowed": 403,
    "rate_limit_exceeded": 429,
    "server_busy": 503,
    "server_full": 503,
    "too_many_connections": 429,
}
"""Codes of refusals that have a status of their own; that of all others is 400."""


def error_response(error: RequestError, *, status: int) -> Response:
    """Return the answer that tells of a refusal."""
    return json_response(HttpErrorBody.of(error), status=status)


def status_of(error: RequestError) -> int:
    """Return the status of the answer that tells of a refusal."""
    return _STATUSES.get(error.code or "", 400)


async def _refusal(_request: Request, exception: Exception) -> Response:
    """Answer a request that was refused."""
    assert isinstance(exception, RequestError)
    response = error_response(exception, status=status_of(exception))
    if isinstance(exception, BusyError):
        response.headers["retry-after"] = str(ceil(exception.retry_after_s))
    return response


def refusal_of(failure: EngineError) -> RequestError:
    """Return what a client is told of an engine's failure."""
    return RequestError(failure.message, code=failure.code, type="server_error")


async def _engine_failure(_request: Request, exception: Exception) -> Response:
    """Answer a request at which an engine failed."""
    assert isinstance(exception, EngineError)
    _log.warning("a request failed: %s", exception)
    if exception.code != "server_overloaded":
        return error_response(refusal_of(exception), status=500)
    response = error_response(refusal_of(exception), status=503)
    response.headers["retry-after"] = str(ceil(OVERLOADED_RETRY_S))
    return response


async def _http_exception(request: Request, exception: Exception) -> Response:
    """Answer for requests that no route takes, or none in this form."""
    assert isinstance(exception, HTTPException)
    detail = exception.detail.rstrip(".")
    error = RequestError(
        f"{request.method} {request.url.path}: {detail}.",
        code="unknown_url" if exception.status_code == 404 else None,
    )
    response = error_response(error, status=exception.status_code)
    response.headers.update(exception.headers or {})
    return response


async def _mistake(_request: Request, _exception: Exception) -> Response:
    """Answer when Antiphon made a mistake; it has been logged by then."""
    message = (
        "The server had an error while processing your request. Its log says more; "
        "the header 'X-Request-Id' names the request."
    )
    return error_response(RequestError(message, type="server_error"), status=500)


EXCEPTIONS: Mapping[Any, Any] = {
    RequestError: _refusal,
    EngineError: _engine_failure,
    HTTPException: _http_exception,
    Exception: _mistake,
}
"""Exception handlers, as Starlette takes them."""
