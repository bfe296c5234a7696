"""``/v1/realtime`` as an upgrade to a WebSocket: who may open a session, and which."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
from msgspec.structs import replace
from starlette.datastructures import Headers, QueryParams
from starlette.types import Receive, Scope, Send

from antiphon.errors import RequestError
from antiphon.http.auth import (
    REALTIME_SUBPROTOCOL,
    Keyring,
    key_from_headers,
    key_from_subprotocols,
)
from antiphon.http.client_secrets import (
    ClientSecrets,
    Grant,
    TranslationGrant,
    is_client_secret,
)
from antiphon.http.errors import error_response
from antiphon.http.origins import Origins
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.reception import RETRY_AFTER_S, DialectName, Opening, Reception
from antiphon.transports import websocket
from antiphon.wire import server_events as sent
from antiphon.wire.codec import encode
from antiphon.wire.error import ErrorObject
from antiphon.wire.session import (
    RealtimeSessionUpdate,
    SessionPatch,
    TranscriptionSessionUpdate,
)

__all__ = ["RealtimeEndpoint"]

_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"  # what browsers send in place of the header

_CLOSE_TIMEOUT_S = 1.0

_POLICY_CLOSE = 4000  # recorded: refusals of policy or shape close with 4000 and "<type>.<code>"


class RealtimeEndpoint:
    """ASGI application for the WebSocket routes.

    Args:
        reception: Admits the sessions.
        keyring: The API keys that open them.
        secrets: The client secrets that do as well.
        origins: Pages that may connect.

    Attributes:
        reception: Admits the sessions.
    """

    def __init__(
        self,
        reception: Reception,
        keyring: Keyring,
        secrets: ClientSecrets,
        origins: Origins,
    ) -> None:
        self.reception = reception
        self._keyring = keyring
        self._secrets = secrets
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        headers = Headers(scope=scope)
        offered = scope.get("subprotocols", [])
        subprotocol = REALTIME_SUBPROTOCOL if REALTIME_SUBPROTOCOL in offered else None
        try:
            self._origins.check(headers.get("origin"))
        except RequestError as error:
            await _refuse_upgrade(scope, receive, send, error, status=403)
            return
        browser_key = key_from_subprotocols(offered)
        try:
            grant, key_name = self._grant(key_from_headers(headers) or browser_key)
        except RequestError as error:
            if browser_key is not None:
                # A browser cannot read the body of a refused upgrade.
                await _refuse_aloud(receive, send, error, subprotocol)
            else:
                await _refuse_upgrade(scope, receive, send, error, status=401)
            return
        if self.reception.full:
            full = RequestError(
                f"The server is full: {self.reception.config.max_sessions} sessions are open. "
                f"Try again in {RETRY_AFTER_S} seconds.",
                type="server_error",
                code="server_full",
            )
            await _refuse_upgrade(scope, receive, send, full, status=503)
            return
        try:
            opening = self.choose(QueryParams(scope["query_string"]), headers, offered, grant)
            opening = replace(opening, key_name=key_name)
            self.reception.preview(opening)
        except RequestError as error:
            await _refuse_aloud(receive, send, error, subprotocol)
            return
        await websocket.serve(
            scope,
            receive,
            send,
            reception=self.reception,
            opening=opening,
            subprotocol=subprotocol,
        )

    def _grant(self, key: str | None) -> tuple[Grant | None, str | None]:
        """Return what a client secret grants, and what the API key is called that it comes from.

        An API key itself is bound to nothing: with one the grant is ``None``.

        Raises:
            RequestError: ``invalid_api_key``; it is neither.
        """
        if key is not None and is_client_secret(key):
            grant = self._secrets.read(key)
            return grant, grant.key_name
        return None, self._keyring.check(key)

    def choose(
        self,
        query: QueryParams,
        headers: Headers,
        offered: Sequence[str],
        grant: Grant | None,
    ) -> Opening:
        """Return what a client connects for.

        Args:
            query: The query of the address.
            headers: The upgrade's headers.
            offered: The subprotocols.
            grant: What its client secret lets it do; ``None`` if it came with an API key.

        Raises:
            RequestError: There is no such session here.
        """
        dialect: DialectName = "beta" if _asks_for_beta(headers, offered) else "ga"
        if dialect == "beta" and not self.reception.config.beta_dialect:
            message = (
                "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA "
                "API."
            )
            raise RequestError(message, code="beta_api_shape_disabled")
        if "call_id" in query:
            message = "Attaching to a call is not built yet: the server takes no calls so far."
            raise RequestError(message, code="not_implemented", param="call_id")
        opening = self.reception.opening_with(_settings(query, grant), query.get("model"))
        return replace(opening, dialect=dialect)


def _asks_for_beta(headers: Headers, offered: Sequence[str]) -> bool:
    return "realtime=v1" in headers.get("openai-beta", "") or _BETA_SUBPROTOCOL in offered


def _settings(query: QueryParams, grant: Grant | None) -> SessionPatch:
    """Return what the session begins with, which also says of which kind it is.

    Raises:
        RequestError: The client asks for a session of another kind than its secret is for.
    """
    wants_transcription = query.get("intent") == "transcription"
    if grant is None:
        settings: SessionPatch = (
            TranscriptionSessionUpdate() if wants_transcription else RealtimeSessionUpdate()
        )
    elif isinstance(grant, TranslationGrant):
        message = (
            "The client secret is for translation sessions. Connect to /v1/realtime/translations, "
            "or ask for a secret at /v1/realtime/client_secrets."
        )
        raise RequestError(message, code="invalid_parameter")
    else:
        settings = grant.settings
    transcribes = isinstance(settings, TranscriptionSessionUpdate)
    if wants_transcription and not transcribes:
        message = (
            "The client secret is for realtime sessions. Leave 'intent' out, or ask for a secret "
            "with a session of type 'transcription'."
        )
        raise RequestError(message, code="invalid_parameter", param="intent")
    if transcribes and "model" in query:
        message = "You must not provide a model parameter for transcription sessions."
        raise RequestError(message, param="model")
    return settings


async def _refuse_upgrade(
    scope: Scope, receive: Receive, send: Send, error: RequestError, *, status: int
) -> None:
    """Answer the upgrade with an HTTP error."""
    await receive()  # websocket.connect
    response = error_response(error, status=status)
    if status == 503:
        response.headers["retry-after"] = str(RETRY_AFTER_S)
    await response(scope, receive, send)
    with anyio.move_on_after(_CLOSE_TIMEOUT_S):
        # uvicorn tells of the end twice: when it has the answer, and when the connection is gone.
        # It takes an application that returns before for one that forgot to answer.
        await receive()
        await receive()


async def _refuse_aloud(
    receive: Receive, send: Send, error: RequestError, subprotocol: str | None
) -> None:
    """Accept the upgrade, say what is wrong, and close."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    event_id = RandomEntropy().identifier("event")
    event = sent.ErrorEvent(event_id=event_id, error=ErrorObject.of(error))
    await send({"type": "websocket.send", "text": encode(event).decode()})
    reason = f"{error.type}.{error.code}"
    await send({"type": "websocket.close", "code": _POLICY_CLOSE, "reason": reason})
