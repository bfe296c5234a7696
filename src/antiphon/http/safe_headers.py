"""Headers that keep browsers from doing more with an answer than it is meant for.

After the OWASP Secure Headers Project. The console's pages say more of themselves, and what they
say stays.
"""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from antiphon.errors import RequestError
from antiphon.http.connections import MAX_HEAD_BYTES
from antiphon.http.errors import answer_to

__all__ = ["MAX_HEADERS", "SafeHeaders"]

MAX_HEADERS = 100
"""Of one request. Browsers send some 20; proxies add a few."""

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
_TLS_ONLY = {"strict-transport-security": "max-age=31536000"}
"""A year, for this host alone: others of its domain may not speak TLS."""

_ANSWERS = ("http.response.start", "websocket.http.response.start")


class SafeHeaders:
    """ASGI application that adds headers to the answers of another, and bounds those of requests.

    Args:
        app: The application.
        with_tls: Whether clients connect by TLS, and are never to do otherwise.
    """

    def __init__(self, app: ASGIApp, *, with_tls: bool) -> None:
        self._app = app
        self._headers = _HEADERS | (_TLS_ONLY if with_tls else {})

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request or connection; no coroutine, which would last as long as a session."""

        async def send_safely(message: Message) -> None:
            if message["type"] in _ANSWERS:
                message.setdefault("headers", [])
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = _refusal_of(scope)
        app = self._app if refusal is None else _refused(refusal)
        return app(scope, receive, send_safely)


def _refusal_of(scope: Scope) -> RequestError | None:
    """Return what is wrong with the head of a request, if anything."""
    headers = scope["headers"]
    if len(headers) > MAX_HEADERS:
        message = (
            f"The request has {len(headers)} headers, and may have {MAX_HEADERS}. Leave out those "
            "that are of no use here."
        )
        return RequestError(message, code="too_many_headers")
    # Whoever parses it only counts what has come while something is missing.
    head_bytes = len(scope["raw_path"]) + len(scope["query_string"])
    head_bytes += sum(len(name) + len(value) for name, value in headers)
    if head_bytes > MAX_HEAD_BYTES:
        message = (
            f"The address and the headers of the request have {head_bytes} bytes, and may have "
            f"{MAX_HEAD_BYTES}. Leave out what is of no use here."
        )
        return RequestError(message, code="headers_too_large")
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
        # A proxy in front may go by the other one, and take the rest for a request (RFC 9112, 6.1).
        message = (
            "The request has 'Content-Length' and 'Transfer-Encoding', which say different things "
            "of its length. Send one of them."
        )
        return RequestError(message, code="ambiguous_length")
    return None


def _refused(error: RequestError) -> Response:
    answer = answer_to(error)
    answer.headers["connection"] = "close"
    return answer
