"""``/v1/realtime`` as an upgrade to a WebSocket: who may open a session, and which."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, QueryParams
from starlette.types import Receive, Scope, Send

from antiphon.errors import RequestError
from antiphon.http.auth import (
    REALTIME_SUBPROTOCOL,
    Keyring,
    key_from_headers,
    key_from_subprotocols,
)
from antiphon.http.errors import error_response
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.reception import Reception
from antiphon.transports import websocket
from antiphon.wire import server_events as sent
from antiphon.wire.codec import encode
from antiphon.wire.error import ErrorObject

__all__ = ["RealtimeEndpoint"]

RETRY_AFTER_S = 5
"""When a client of a full server may ask again."""

_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"  # what browsers send in place of the header

_POLICY_CLOSE = 4000  # recorded: refusals of policy or shape close with 4000 and "<type>.<code>"


class RealtimeEndpoint:
    """ASGI application for the WebSocket routes."""

    def __init__(self, reception: Reception, keyring: Keyring) -> None:
        self._reception = reception
        self._keyring = keyring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        headers = Headers(scope=scope)
        offered = scope.get("subprotocols", [])
        subprotocol = REALTIME_SUBPROTOCOL if REALTIME_SUBPROTOCOL in offered else None
        browser_key = key_from_subprotocols(offered)
        try:
            self._keyring.check(key_from_headers(headers) or browser_key)
        except RequestError as error:
            if browser_key is not None:
                # A browser cannot read the body of a refused upgrade.
                await _refuse_aloud(receive, send, error, subprotocol)
            else:
                await _refuse_upgrade(scope, receive, send, error, status=401)
            return
        if self._reception.full:
            full = RequestError(
                f"The server is full: {self._reception.config.max_sessions} sessions are open. "
                f"Try again in {RETRY_AFTER_S} seconds.",
                type="server_error",
                code="server_full",
            )
            await _refuse_upgrade(scope, receive, send, full, status=503)
            return
        try:
            model = self._choose(QueryParams(scope["query_string"]), headers, offered)
        except RequestError as error:
            await _refuse_aloud(receive, send, error, subprotocol)
            return
        await websocket.serve(
            scope,
            receive,
            send,
            reception=self._reception,
            model=model,
            subprotocol=subprotocol,
        )

    def _choose(self, query: QueryParams, headers: Headers, offered: Sequence[str]) -> str:
        if "realtime=v1" in headers.get("openai-beta", "") or _BETA_SUBPROTOCOL in offered:
            message = (
                "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA "
                "API."
            )
            raise RequestError(message, code="beta_api_shape_disabled")
        if query.get("intent") == "transcription":
            message = "Transcription sessions are not built yet. Open a speech session instead."
            raise RequestError(message, code="not_implemented", param="intent")
        if "call_id" in query:
            message = "Attaching to a call is not built yet: the server takes no calls so far."
            raise RequestError(message, code="not_implemented", param="call_id")
        return self._reception.choose_model(query.get("model"))


async def _refuse_upgrade(
    scope: Scope, receive: Receive, send: Send, error: RequestError, *, status: int
) -> None:
    """Answer the upgrade with an HTTP error."""
    await receive()  # websocket.connect
    response = error_response(error, status=status)
    if status == 503:
        response.headers["retry-after"] = str(RETRY_AFTER_S)
    await response(scope, receive, send)


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
