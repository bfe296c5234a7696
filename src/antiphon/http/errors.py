"""HTTP errors in the one shape that clients know: ``{"error": {message, type, param, code}}``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import ceil
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from antiphon.errors import BusyError, EngineError, RequestError, StoreError
from antiphon.http.answers import json_response
from antiphon.logs import current_trail
from antiphon.wire.error import HttpErrorBody

__all__ = ["EXCEPTIONS", "answer_to", "error_response", "note_refusal", "refusal_of", "status_of"]

_log = logging.getLogger(__name__)

OVERLOADED_RETRY_S = 5.0
"""When a client may ask again for what an engine had no room for."""

_STORE_RETRY_S = 5.0
"""When a client may ask again for what is kept. The database is tried as often."""

_STATUSES = {
    "call_not_found": 404,
    "conversation_in_use": 409,
    "forbidden": 403,
    "headers_too_large": 431,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "model_not_allowed": 403,
    "model_not_found": 404,
    "not_found": 404,
    "nothing_kept": 404,
    "origin_not_allowed": 403,
    "rate_limit_exceeded": 429,
    "request_timeout": 408,
    "server_busy": 503,
    "server_draining": 503,
    "server_full": 503,
    "server_loading": 503,
    "session_not_found": 404,
    "store_failed": 503,
    "too_many_connections": 429,
    "too_many_headers": 431,
}
"""Codes of refusals that have a status of their own; that of all others is 400."""


def error_response(error: RequestError, *, status: int) -> Response:
    """Return the answer that tells of a refusal."""
    return json_response(HttpErrorBody.of(error), status=status)


def status_of(error: RequestError) -> int:
    """Return the status of the answer that tells of a refusal."""
    return _STATUSES.get(error.code or "", 400)


def note_refusal(error: RequestError) -> None:
    """Have it counted and logged that the request under way is refused."""
    code = error.code or error.type
    current_trail().refused = code
    _log.info("refused: %s", code, extra={"fields": {"event": "refused", "code": code}})


def answer_to(error: RequestError) -> Response:
    """Return the answer to a request that is refused, with the status that its code has."""
    note_refusal(error)
    response = error_response(error, status=status_of(error))
    if isinstance(error, BusyError):
        response.headers["retry-after"] = str(ceil(error.retry_after_s))
    return response


async def _refusal(_request: Request, exception: Exception) -> Response:
    """Answer a request that was refused."""
    assert isinstance(exception, RequestError)
    return answer_to(exception)


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


async def _store_failure(_request: Request, exception: Exception) -> Response:
    """Answer a request for what is kept while the database cannot be used."""
    _log.warning("a request failed: %s", exception)  # it may name the database: not for clients
    message = (
        f"What is kept cannot be reached at the moment. Try again in {_STORE_RETRY_S:g} seconds."
    )
    return answer_to(
        BusyError(message, code="store_failed", type="server_error", retry_after_s=_STORE_RETRY_S)
    )


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
    StoreError: _store_failure,
    HTTPException: _http_exception,
    Exception: _mistake,
}
"""Exception handlers, as Starlette takes them."""
