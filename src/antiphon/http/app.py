"""The ASGI application: all routes of the server."""

from __future__ import annotations

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from antiphon.errors import RequestError
from antiphon.http.auth import Keyring, key_from_headers
from antiphon.http.errors import error_response, http_exception
from antiphon.http.realtime import RealtimeEndpoint
from antiphon.runtime.reception import Reception

__all__ = ["build_app"]

_NOT_BUILT = (
    "/realtime/client_secrets",
    "/realtime/calls",
    "/realtime/sessions",
    "/realtime/transcription_sessions",
    "/realtime/translations/client_secrets",
)
"""Routes of the hosted API that answer that they are not built."""


def build_app(reception: Reception) -> Starlette:
    """Return the application that serves a reception's sessions.

    Every route is there with and without ``/v1``: some clients append ``/realtime`` to a bare host.
    """
    keyring = Keyring(reception.config.api_keys)
    realtime = RealtimeEndpoint(reception, keyring)
    pages = _Pages(reception, keyring)
    routes: list[BaseRoute] = [Route("/health", pages.health)]
    for prefix in ("/v1", ""):
        routes += [
            WebSocketRoute(f"{prefix}/realtime", realtime),
            Route(f"{prefix}/models", pages.models),
            Route(f"{prefix}/antiphon/timelines/{{response_id}}", pages.timeline),
        ]
        routes += [
            Route(f"{prefix}{path}", pages.not_built, methods=["POST"]) for path in _NOT_BUILT
        ]
    return Starlette(routes=routes, exception_handlers={HTTPException: http_exception})


class _Pages:
    """The plain HTTP routes."""

    def __init__(self, reception: Reception, keyring: Keyring) -> None:
        self._reception = reception
        self._keyring = keyring

    async def health(self, _request: Request) -> Response:
        """Say that the server is up; needs no key."""
        return _json({"status": "ok", "sessions": self._reception.open_sessions})

    async def models(self, request: Request) -> Response:
        """List the models, as ``GET /v1/models`` of the hosted API does."""
        if refusal := self._refusal(request):
            return refusal
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": "antiphon"}
            for name in self._reception.config.models
        ]
        return _json({"object": "list", "data": models})

    async def timeline(self, request: Request) -> Response:
        """Say where the time of a response went, in milliseconds since its first moment."""
        if refusal := self._refusal(request):
            return refusal
        response_id = request.path_params["response_id"]
        timeline = self._reception.timelines.find(response_id)
        if timeline is None:
            message = f"There is no timeline of response '{response_id}', or no longer one."
            error = RequestError(message, code="not_found", param="response_id")
            return error_response(error, status=404)
        return _json({"response_id": response_id, "moments_ms": timeline.as_ms()})

    async def not_built(self, request: Request) -> Response:
        """Refuse what the hosted API has and this server does not yet."""
        if refusal := self._refusal(request):
            return refusal
        message = (
            f"{request.method} {request.url.path} is not built yet. "
            "Connect to /v1/realtime over a WebSocket, with an API key."
        )
        return error_response(RequestError(message, code="not_implemented"), status=501)

    def _refusal(self, request: Request) -> Response | None:
        try:
            self._keyring.check(key_from_headers(request.headers))
        except RequestError as error:
            return error_response(error, status=401)
        return None


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
