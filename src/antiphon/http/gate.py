"""Stands before the application while the engines that it needs are being loaded."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from antiphon.errors import BusyError
from antiphon.http.errors import answer_to
from antiphon.http.health import Health
from antiphon.http.upgrades import refuse_upgrade
from antiphon.runtime.readiness import Readiness
from antiphon.transports.connection import Connection

__all__ = ["Gate"]

_LOADING_RETRY_S = 5.0
"""When a client may come again. Loading takes seconds to a minute; asking costs nothing."""


class Gate:
    """ASGI application: another one, once that is there; until then it asks clients to wait.

    Args:
        readiness: Of the server, which is told of from the beginning.
    """

    def __init__(self, readiness: Readiness) -> None:
        health = Health(readiness)
        pages = Starlette(
            routes=[
                Route("/healthz", health.live),
                Route("/readyz", health.ready),
                Route("/{path:path}", _wait, methods=["GET", "POST", "DELETE", "OPTIONS"]),
            ]
        )
        self._app: ASGIApp = _Closed(pages)

    def open(self, app: ASGIApp) -> None:
        """Serve everything by an application from now on."""
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request or connection; no coroutine, which would last as long as a session."""
        return self._app(scope, receive, send)


class _Closed:
    def __init__(self, pages: ASGIApp) -> None:
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await refuse_upgrade(Connection(scope, receive, send), _loading())
        else:
            await self._pages(scope, receive, send)


async def _wait(_request: Request) -> Response:
    return answer_to(_loading())


def _loading() -> BusyError:
    message = (
        "The server is loading its engines, and serves nobody yet. Try again in "
        f"{_LOADING_RETRY_S:g} seconds; /readyz says when it is ready."
    )
    return BusyError(
        message, code="server_loading", type="server_error", retry_after_s=_LOADING_RETRY_S
    )
