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

from antiphon.config.places import data_home
from antiphon.errors import RequestError
from antiphon.http.access import Access
from antiphon.http.answers import json_response
from antiphon.http.audio_speech import Speech
from antiphon.http.audio_transcriptions import Transcriptions
from antiphon.http.auth import Keyring, key_from_headers
from antiphon.http.calls import CallRoutes
from antiphon.http.client_secrets import ClientSecrets
from antiphon.http.console import Console
from antiphon.http.errors import EXCEPTIONS
from antiphon.http.health import Health
from antiphon.http.kept import kept_admin_pages, kept_pages
from antiphon.http.live import Live
from antiphon.http.metrics import MetricsPage
from antiphon.http.minting import Minting
from antiphon.http.models import Models
from antiphon.http.openapi import openapi_page
from antiphon.http.origins import Origins, allowed_origins
from antiphon.http.realtime import RealtimeEndpoint
from antiphon.http.request_ids import RequestIds
from antiphon.http.routes import joined
from antiphon.http.translations import TranslationEndpoint
from antiphon.http.voices import Voices
from antiphon.logs import current_trail
from antiphon.runtime.reception import Reception
from antiphon.transports.webrtc.call import Switchboard
from antiphon.transports.webrtc.loading import load_peers as load_webrtc
from antiphon.transports.webrtc.peer import PeerFactory
from antiphon.wire.pages import ResponseTimeline

__all__ = ["build_app", "open_switchboard"]

_NO_SUCH_CALLS = (
    "/realtime/calls/{call_id}/accept",
    "/realtime/calls/{call_id}/reject",
    "/realtime/calls/{call_id}/refer",
    "/realtime/translations/calls",
)
"""Routes of the hosted API for calls over SIP, and for calls that translate."""

Page: TypeAlias = Callable[[Request], Awaitable[Response]]


def open_switchboard(
    reception: Reception, load_peers: Callable[[], Awaitable[PeerFactory]] | None = None
) -> Switchboard:
    """Return what takes the calls of a server.

    Args:
        reception: Admits their sessions.
        load_peers: Loads what holds calls; ``None`` for the WebRTC stack that is installed.
    """
    config = reception.config
    webrtc = partial(load_webrtc, config.webrtc, with_loopback=config.listens_on_loopback)
    return Switchboard(reception, load_peers or webrtc)


def build_app(
    reception: Reception, switchboard: Switchboard | None = None, reload: Page | None = None
) -> ASGIApp:
    """Return the application that serves a reception's sessions.

    Every route is there with and without ``/v1``: some clients append ``/realtime`` to a bare host.

    Args:
        reception: Admits the sessions.
        switchboard: Takes the calls; ``None`` for one of its own.
        reload: Has the configuration read again; ``None`` for a server that has read none.
    """
    keyring = Keyring(dict(reception.config.key_digests()), reception.config.admin_names)
    secrets = ClientSecrets(data_home(reception.config.home))
    origins = allowed_origins(reception.config)
    realtime = RealtimeEndpoint(reception, keyring, secrets, origins)
    translations = TranslationEndpoint(reception, keyring, secrets, origins)
    calls = CallRoutes(
        reception, switchboard or open_switchboard(reception), keyring, secrets, origins
    )
    pages = _Pages(reception)
    health = Health(reception.readiness)
    metrics = MetricsPage(reception.metrics)
    routes: list[BaseRoute] = [
        *(Console().routes() if reception.config.console else ()),
        Route("/health", pages.health),
        Route("/healthz", health.live),
        Route("/readyz", health.ready),
        Route("/metrics", _admin_guarded(metrics.all, keyring, origins, reception)),
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
            Route(f"{prefix}/antiphon/openapi.json", openapi_page),
        ]
        routes += [
            Route(prefix + path, _guarded(page, keyring, origins, reception), methods=[method])
            for method, path, page in _keyed_pages(reception, secrets, pages, calls)
        ]
        routes += [
            Route(
                prefix + path, _admin_guarded(page, keyring, origins, reception), methods=[method]
            )
            for method, path, page in _admin_pages(reception, reload or _no_reload)
        ]
    app = Starlette(routes=joined(routes), exception_handlers=EXCEPTIONS)
    # Outermost, so that an answer to a mistake of the server's has these headers as well.
    return RequestIds(_Switch(sockets, origins.wrap(app)), reception.metrics.refuse)


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
    models, files = Models(reception), Transcriptions(reception)
    return [
        ("GET", "/models", models.all),
        ("GET", "/models/{model:path}", models.one),
        ("GET", "/antiphon/timelines/{response_id}", pages.timeline),
        ("GET", "/antiphon/voices", Voices(reception).of_model),
        ("POST", "/audio/speech", Speech(reception).create),
        ("POST", "/audio/transcriptions", files.create),
        ("POST", "/audio/translations", files.translate),
        ("POST", "/realtime/calls/{call_id}/hangup", calls.hang_up),
        *(("POST", path, calls.not_built) for path in _NO_SUCH_CALLS),
        ("POST", "/realtime/client_secrets", minting.for_session),
        ("POST", "/realtime/translations/client_secrets", minting.for_translation),
        ("POST", "/realtime/sessions", minting.legacy_for_session),
        ("POST", "/realtime/transcription_sessions", minting.legacy_for_transcription),
        *kept_pages(reception),
    ]


def _admin_pages(reception: Reception, reload: Page) -> list[tuple[str, str, Page]]:
    """Return method, path and page of all that needs an admin key."""
    live = Live(reception)
    return [
        ("GET", "/antiphon/sessions", live.sessions),
        ("GET", "/antiphon/sessions/{session_id}/events", live.events),
        ("POST", "/antiphon/sessions/{session_id}/hangup", live.hang_up),
        ("GET", "/antiphon/engines", live.engines),
        ("POST", "/antiphon/reload", reload),
        *kept_admin_pages(reception),
    ]


async def _no_reload(_request: Request) -> Response:
    message = "This server was started by a program, and has no configuration to read again."
    raise RequestError(message, code="not_implemented")


def _guarded(page: Page, keyring: Keyring, origins: Origins, reception: Reception) -> Page:
    """Return the page for those who have an API key, and for pages that may use the server.

    The page finds an :class:`~antiphon.http.access.Access` in ``request.state.access``.
    """

    async def answer(request: Request) -> Response:
        origins.check(request)
        name = keyring.check(key_from_headers(request.headers))
        reception.admission.key_rules.check_origin(name, request.headers.get("origin"))
        request.state.access = Access(None, name, keyring.is_admin(name))
        current_trail().key_name = name
        return await page(request)

    return answer


def _admin_guarded(page: Page, keyring: Keyring, origins: Origins, reception: Reception) -> Page:
    """Return the page for those who have an admin key; otherwise as :func:`_guarded`."""

    async def answer(request: Request) -> Response:
        keyring.check_admin(key_from_headers(request.headers))
        return await page(request)

    return _guarded(answer, keyring, origins, reception)


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
        told = ResponseTimeline(response_id=response_id, moments_ms=timeline.as_ms())
        return json_response(told)
