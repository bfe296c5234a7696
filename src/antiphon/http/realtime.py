"""``/v1/realtime`` as an upgrade to a WebSocket: who may open a session, and which."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from starlette.datastructures import Headers, QueryParams
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from antiphon.errors import RequestError
from antiphon.http.access import access_with
from antiphon.http.auth import (
    REALTIME_SUBPROTOCOL,
    Keyring,
    key_from_headers,
    key_from_subprotocols,
)
from antiphon.http.client_secrets import ClientSecrets, Grant
from antiphon.http.errors import note_refusal
from antiphon.http.opening import settings_of
from antiphon.http.origins import Origins
from antiphon.http.upgrades import refuse_upgrade
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.openings import DialectName, Opening
from antiphon.runtime.reception import Reception
from antiphon.transports import resumable, sideband, websocket
from antiphon.transports.connection import Connection
from antiphon.wire import server_events as sent
from antiphon.wire.codec import encode
from antiphon.wire.error import ErrorObject

__all__ = ["RealtimeEndpoint"]

_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"  # what browsers send in place of the header

_RESUMABLE = "1"
"""What ``resume`` is for a session that is to outlive its connection; else it is a session's id."""

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
        connection = Connection(scope, receive, send, subprotocol)
        try:
            self._origins.check(HTTPConnection(scope))
        except RequestError as error:
            await refuse_upgrade(connection, error)
            return
        browser_key = key_from_subprotocols(offered)
        key = key_from_headers(headers) or browser_key
        query = QueryParams(scope["query_string"])
        if "call_id" in query:
            await self._attach(connection, query["call_id"], key)
            return
        resuming = query.get("resume", _RESUMABLE) != _RESUMABLE
        try:
            access = access_with(key, self._keyring, self._secrets, resuming=resuming)
            self.reception.admission.key_rules.check_origin(access.key_name, headers.get("origin"))
        except RequestError as error:
            if browser_key is not None:
                # A browser cannot read the body of a refused upgrade.
                await _refuse_aloud(connection, error)
            else:
                await refuse_upgrade(connection, error)
            return
        if resuming:
            await self._resume(connection, query, access.key_name)
            return
        try:
            self.reception.admission.check_room()
        except RequestError as error:
            await refuse_upgrade(connection, error)
            return
        try:
            opening = self.choose(query, headers, offered, access.grant)
            opening = replace(opening, key_name=access.key_name)
            self.reception.openings.preview(opening)
        except RequestError as error:
            await _refuse_aloud(connection, error)
            return
        try:
            self.reception.admission.check_key(opening)
        except RequestError as error:
            await refuse_upgrade(connection, error)
            return
        transport = resumable if "resume" in query else websocket
        await transport.serve(connection, reception=self.reception, opening=opening)

    async def _attach(self, connection: Connection, call_id: str, key: str | None) -> None:
        """Attach a connection to a call; with an API key, since it may do anything there."""
        try:
            key_name = self._keyring.check(key)
            origin = Headers(scope=connection.scope).get("origin")
            self.reception.admission.key_rules.check_origin(key_name, origin)
            call = self.reception.calls.find(call_id, key_name)
            call.check_room()
        except RequestError as error:
            await refuse_upgrade(connection, error)
            return
        await sideband.serve(connection, call=call)

    async def _resume(
        self, connection: Connection, query: QueryParams, key_name: str | None
    ) -> None:
        """Connect a client with its session again."""
        token = query.get("resume_token", "")
        try:
            session = self.reception.resumptions.find(query["resume"], key_name, token)
            last_event_id = query.get("last_event_id", "")
            await resumable.serve_again(
                connection, session=session, token=token, last_event_id=last_event_id
            )
        except RequestError as error:
            await _refuse_aloud(connection, error)

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
        opening = self.reception.openings.opening_with(
            settings_of(query, grant), query.get("model")
        )
        return replace(opening, dialect=dialect)


def _asks_for_beta(headers: Headers, offered: Sequence[str]) -> bool:
    return "realtime=v1" in headers.get("openai-beta", "") or _BETA_SUBPROTOCOL in offered


async def _refuse_aloud(connection: Connection, error: RequestError) -> None:
    """Accept the upgrade, say what is wrong, and close."""
    note_refusal(error)
    await connection.accept()
    event_id = RandomEntropy().identifier("event")
    event = sent.ErrorEvent(event_id=event_id, error=ErrorObject.of(error))
    await connection.send_text(encode(event).decode())
    await connection.close((_POLICY_CLOSE, f"{error.type}.{error.code}"))
