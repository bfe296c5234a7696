"""``X-Request-Id`` on every answer, so that client and operator can speak of the same one."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from antiphon.runtime.entropy import RandomEntropy

__all__ = ["RequestIds"]

_ANSWERS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class RequestIds:
    """ASGI application that numbers the answers of another."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._entropy = RandomEntropy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        request_id = self._entropy.identifier("req")

        async def send_with_id(message: Message) -> None:
            if message["type"] in _ANSWERS:
                message.setdefault("headers", [])
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)
