"""The routes that make client secrets, those of today and those of the retired beta."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from antiphon.errors import RequestError
from antiphon.http.answers import json_response
from antiphon.http.bodies import read_json
from antiphon.http.client_secrets import ClientSecrets, SessionGrant, TranslationGrant
from antiphon.runtime.reception import Reception
from antiphon.wire.beta_session import DEFAULT_TEMPERATURE, flat_path, from_beta, to_beta
from antiphon.wire.codec import decode_as, encode
from antiphon.wire.rest import (
    ClientSecret,
    ClientSecretRequest,
    TranslationClientSecret,
    TranslationClientSecretRequest,
)
from antiphon.wire.session import (
    RealtimeSession,
    RealtimeSessionUpdate,
    Session,
    SessionPatch,
    TranscriptionSessionUpdate,
)
from antiphon.wire.tools import FunctionTool
from antiphon.wire.translation import TranslationSession

__all__ = ["Minting"]

LEGACY_LIFETIME_S = 60
"""Secrets of the beta's routes were for use at once."""

_NOT_OPEN_YET = 0
"""``expires_at`` of a session that nobody has opened, as the hosted service writes it."""

_PatchT = TypeVar("_PatchT", RealtimeSessionUpdate, TranscriptionSessionUpdate)


class Minting:
    """Routes that need an API key and give client secrets."""

    def __init__(self, reception: Reception, secrets: ClientSecrets) -> None:
        self._reception = reception
        self._secrets = secrets

    async def for_session(self, request: Request) -> Response:
        """``POST /v1/realtime/client_secrets``."""
        wanted = await read_json(request, ClientSecretRequest)
        settings = RealtimeSessionUpdate() if wanted.session is UNSET else wanted.session
        session = self._session(settings)
        expires_at = self._secrets.expiry(wanted.expires_after.seconds)
        value = self._secrets.mint(
            SessionGrant(expires_at=expires_at, settings=settings, key_name=_key_name(request))
        )
        return json_response(ClientSecret(value=value, expires_at=expires_at, session=session))

    async def for_translation(self, request: Request) -> Response:
        """``POST /v1/realtime/translations/client_secrets``."""
        wanted = await read_json(request, TranslationClientSecretRequest)
        session = self._reception.openings.preview_translation(wanted.session)
        expires_at = self._secrets.expiry(wanted.expires_after.seconds)
        value = self._secrets.mint(
            TranslationGrant(
                expires_at=expires_at, settings=wanted.session, key_name=_key_name(request)
            )
        )
        session = replace(session, expires_at=_NOT_OPEN_YET)
        return json_response(
            TranslationClientSecret(value=value, expires_at=expires_at, session=session)
        )

    async def legacy_for_session(self, request: Request) -> Response:
        """``POST /v1/realtime/sessions``, which took and gave the beta's flat session."""
        extra = {"temperature": DEFAULT_TEMPERATURE}
        return await self._legacy(request, RealtimeSessionUpdate, extra)

    async def legacy_for_transcription(self, request: Request) -> Response:
        """``POST /v1/realtime/transcription_sessions``, likewise."""
        extra = {"modalities": ["audio", "text"]}
        return await self._legacy(request, TranscriptionSessionUpdate, extra)

    async def _legacy(
        self, request: Request, kind: type[_PatchT], extra: dict[str, Any]
    ) -> Response:
        flat = await read_json(request, dict[str, Any])
        settings = _flat_settings(flat, kind)
        try:
            session = self._session(settings)
        except RequestError as error:
            raise _with_flat_path(error) from None
        expires_at = self._secrets.expiry(LEGACY_LIFETIME_S)
        value = self._secrets.mint(
            SessionGrant(expires_at=expires_at, settings=settings, key_name=_key_name(request))
        )
        secret = {"value": value, "expires_at": expires_at}
        # Programs of the beta's day read `client_secret.value`, later ones `value`.
        told = to_beta(msgspec.to_builtins(session)) | extra
        return json_response({**told, "client_secret": secret, "value": value})

    def _session(self, settings: SessionPatch) -> Session:
        """Return the session that a secret with these settings opens, as it is told.

        Raises:
            RequestError: There can be no such session.
        """
        session = self._reception.openings.preview(self._reception.openings.opening_with(settings))
        assert not isinstance(session, TranslationSession), "its secrets are made elsewhere"
        session = replace(session, expires_at=_NOT_OPEN_YET)
        if isinstance(session, RealtimeSession):
            # The hosted service fills this in here, though not in `session.created`.
            tools = tuple(
                replace(tool, description=None)
                if isinstance(tool, FunctionTool) and tool.description is UNSET
                else tool
                for tool in session.tools
            )
            session = replace(session, tools=tools)
        return session


def _key_name(request: Request) -> str | None:
    """Return what the API key is called that a request came with."""
    name: str | None = request.state.access.key_name
    return name


def _flat_settings(flat: dict[str, Any], kind: type[_PatchT]) -> _PatchT:
    nested = from_beta(flat)
    try:
        return decode_as(encode(nested), kind)
    except RequestError as error:
        raise _with_flat_path(error) from None


def _with_flat_path(error: RequestError) -> RequestError:
    """Return a refusal in terms of the fields that the client sent."""
    if error.param is None:
        return error
    path = error.param.removeprefix("session.")
    flat = flat_path(path)
    message = error.message.replace(f"'{error.param}'", f"'{flat}'")
    return RequestError(message, code=error.code, param=flat, type=error.type)
