"""The ASGI application: all routes of the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from antiphon.errors import RequestError
from antiphon.http.answers import json_response
from antiphon.http.audio_speech import Speech
from antiphon.http.audio_transcriptions import Transcriptions
from antiphon.http.auth import Keyring, key_from_headers
from antiphon.http.calls import CallRoutes
from antiphon.http.client_secrets import ClientSecrets
from antiphon.http.console import CONSOLE_FOLDER, Console
from antiphon.http.errors import EXCEPTIONS, error_response
from antiphon.http.minting import Minting
from antiphon.http.models import Models
from antiphon.http.origins import Origins, allowed_origins
from antiphon.http.realtime import RealtimeEndpoint
from antiphon.http.request_ids import RequestIds
from antiphon.http.translations import TranslationEndpoint
from antiphon.http.voices import Voices
from antiphon.runtime.reception import Reception
from antiphon.transports.webrtc.call import Switchboard
from antiphon.transports.webrtc.loading import load_peers as load_webrtc
from antiphon.transports.webrtc.peer import PeerFactory

__all__ = ["build_app"]

_NO_SUCH_CALLS = (
    "/realtime/calls/{call_id}/accept",
    "/realtime/calls/{call_id}/reject",
    "/realtime/calls/{call_id}/refer",
    "/realtime/translations/calls",
)
"""Routes of the hosted API for calls over SIP, and for calls that translate."""

Page: TypeAlias = Callable[[Request], Awaitable[Response]]

_NOT_BUILT = {
    "/audio/translations": (
        "Transcribe with /v1/audio/transcriptions, or translate speech over a WebSocket at "
        "/v1/realtime/translations."
    ),
}
"""Routes of the hosted API that answer that they are not built, and what to use meanwhile."""


def build_app(
    reception: Reception, load_peers: Callable[[], Awaitable[PeerFactory]] | None = None
) -> ASGIApp:
    """Return the application that serves a reception's sessions.

    Every route is there with and without ``/v1``: some clients append ``/realtime`` to a bare host.

    Args:
        reception: Admits the sessions.
        load_peers: Loads what holds calls; ``None`` for the WebRTC stack that is installed.
    """
    keyring = Keyring(dict(reception.config.key_digests()))
    secrets = ClientSecrets(reception.config.home)
    origins = allowed_origins(reception.config)
    realtime = RealtimeEndpoint(reception, keyring, secrets, origins)
    translations = TranslationEndpoint(reception, keyring, secrets, origins)
    config = reception.config
    webrtc = partial(load_webrtc, config.webrtc, with_loopback=config.listens_on_loopback)
    switchboard = Switchboard(reception, load_peers or webrtc)
    calls = CallRoutes(reception, switchboard, keyring, secrets, origins)
    pages = _Pages(reception)
    console = Console()
    routes: list[BaseRoute] = [
        Route("/", console.page),
        Route(f"{CONSOLE_FOLDER}/{{path:path}}", console.file),
        Route("/health", pages.health),
    ]
    sockets: dict[str, ASGIApp] = {}
    for prefix in ("/v1", ""):
        sockets[f"{prefix}/realtime"] = realtime
        sockets[f"{prefix}/realtime/translations"] = translations
        routes += [
            Route(f"{prefix}/realtime", pages.upgrade),
            Route(f"{prefix}/realtime/translations", pages.upgrade),
            Route(f"{prefix}/realtime", calls.create, methods=["POST"]),
            Route(f"{prefix}/realtime/calls", calls.create, methods=["POST"]),
            Route(f"{prefix}/antiphon/ice_servers", calls.ice_servers),
        ]
        routes += [
            Route(prefix + path, _guarded(page, keyring, origins), methods=[method])
            for method, path, page in _keyed_pages(reception, secrets, pages, calls)
        ]
    app = Starlette(routes=routes, exception_handlers=EXCEPTIONS)
    # Outermost, so that an answer to a mistake of the server's has these headers as well.
    return RequestIds(_Switch(sockets, origins.wrap(app)))


class _Switch:
    """Takes WebSockets straight to where they are served.

    Each layer in between would hold a coroutine as long as the session lasts, so this one is none.
    """

    def __init__(self, sockets: Mapping[str, ASGIApp], pages: ASGIApp) -> None:
        self._sockets = sockets
        self._pages = pages

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        is_socket = scope["type"] == "websocket"
        endpoint = self._sockets.get(scope["path"]) if is_socket else None
        return (endpoint or self._pages)(scope, receive, send)


def _keyed_pages(
    reception: Reception, secrets: ClientSecrets, pages: _Pages, calls: CallRoutes
) -> list[tuple[str, str, Page]]:
    """Return method, path and page of all that needs an API key."""
    minting = Minting(reception, secrets)
    models = Models(reception.models.names)
    return [
        ("GET", "/models", models.all),
        ("GET", "/models/{model:path}", models.one),
        ("GET", "/antiphon/timelines/{response_id}", pages.timeline),
        ("GET", "/antiphon/voices", Voices(reception).of_model),
        ("POST", "/audio/speech", Speech(reception).create),
        ("POST", "/audio/transcriptions", Transcriptions(reception).create),
        ("POST", "/realtime/calls/{call_id}/hangup", calls.hang_up),
        *(("POST", path, calls.not_built) for path in _NO_SUCH_CALLS),
        ("POST", "/realtime/client_secrets", minting.for_session),
        ("POST", "/realtime/translations/client_secrets", minting.for_translation),
        ("POST", "/realtime/sessions", minting.legacy_for_session),
        ("POST", "/realtime/transcription_sessions", minting.legacy_for_transcription),
        *(("POST", path, pages.not_built) for path in _NOT_BUILT),
    ]


def _guarded(page: Page, keyring: Keyring, origins: Origins) -> Page:
    """Return the page for those who have an API key, and for pages that may use the server.

    The page finds what the key is called in ``request.state.key_name``.
    """

    async def answer(request: Request) -> Response:
        origins.check(request.headers.get("origin"))
        request.state.key_name = keyring.check(key_from_headers(request.headers))
        return await page(request)

    return answer


class _Pages:
    """The server's own small pages."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def health(self, _request: Request) -> Response:
        """Say that the server is up; needs no key."""
        return json_response({"status": "ok", "sessions": self._reception.open_sessions})

    async def upgrade(self, _request: Request) -> Response:
        """Say what is wrong to who comes to the WebSocket without one, often by way of a proxy."""
        wanted = "This is a WebSocket. Connect with an upgrade, and let proxies pass it on"
        raise HTTPException(426, wanted, headers={"Upgrade": "websocket"})

    async def timeline(self, request: Request) -> Response:
        """Say where the time of a response went, in milliseconds since its first moment."""
        response_id = request.path_params["response_id"]
        timeline = self._reception.timelines.find(response_id)
        if timeline is None:
            message = f"There is no timeline of response '{response_id}', or no longer one."
            raise RequestError(message, code="not_found", param="response_id")
        return json_response({"response_id": response_id, "moments_ms": timeline.as_ms()})

    async def not_built(self, request: Request) -> Response:
        """Refuse what the hosted API has and this server does not yet."""
        path = request.url.path
        instead = _NOT_BUILT[path.removeprefix("/v1")]
        message = f"{request.method} {path} is not built yet. {instead}"
        return error_response(RequestError(message, code="not_implemented"), status=501)
