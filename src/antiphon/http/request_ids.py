"""``X-Request-Id`` on every answer, so that client and operator can speak of the same one.

The lines of the log that a request leads to name it as well.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from antiphon.logs import Trail, follow
from antiphon.runtime.entropy import RandomEntropy

__all__ = ["RequestIds"]

_ANSWERS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class RequestIds:
    """ASGI application that numbers the answers of another.

    Args:
        app: The other one.
        refused: Told the code of each request that is refused.
    """

    def __init__(self, app: ASGIApp, refused: Callable[[str], object]) -> None:
        self._app = app
        self._refused = refused
        self._entropy = RandomEntropy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        request_id = self._entropy.identifier("req")
        traceparent = Headers(scope=scope).get("traceparent")
        client, _ = scope.get("client") or (None, None)
        follow(trail := Trail(request_id=request_id, traceparent=traceparent, client=client))

        async def send_with_id(message: Message) -> None:
            if message["type"] in _ANSWERS:
                message.setdefault("headers", [])
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)
        if trail.refused is not None:
            self._refused(trail.refused)
