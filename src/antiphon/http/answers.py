"""Answers of JSON."""

from __future__ import annotations

from starlette.responses import Response

from antiphon.wire.codec import encode

__all__ = ["json_response"]


def json_response(body: object, *, status: int = 200) -> Response:
    """Return an answer whose body is a struct of the wire, or any JSON value."""
    return Response(encode(body), status_code=status, media_type="application/json")
