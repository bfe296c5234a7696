"""The routes of calls: opening one over WebRTC, hanging up, and what helps clients to connect."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from antiphon.config import IceServer
from antiphon.errors import RequestError
from antiphon.http.access import Access, access_with
from antiphon.http.answers import json_response
from antiphon.http.auth import Keyring, key_from_headers
from antiphon.http.bodies import read_bytes
from antiphon.http.client_secrets import ClientSecrets
from antiphon.http.errors import error_response
from antiphon.http.forms import read_texts
from antiphon.http.opening import settings_of
from antiphon.http.origins import Origins
from antiphon.runtime.openings import Opening
from antiphon.runtime.reception import Reception
from antiphon.transports.webrtc.call import Switchboard
from antiphon.wire.codec import decode_as, encode
from antiphon.wire.session import SessionPatch

__all__ = ["CallRoutes", "IceServers"]

_SDP = "application/sdp"
_FORM = "multipart/form-data"


class _CallRequest(Struct, frozen=True, kw_only=True):
    """What a form says beside the offer, so that refusals name ``session.…``."""

    session: SessionPatch


class IceServers(Struct, frozen=True, rename="camel"):
    """As ``new RTCPeerConnection(…)`` takes it."""

    ice_servers: tuple[IceServer, ...]


class CallRoutes:
    """Routes of calls. Only those check keys by themselves that client secrets will do for.

    Args:
        reception: Admits the sessions.
        switchboard: Answers the offers.
        keyring: The API keys that open calls.
        secrets: The client secrets that do as well.
        origins: Pages that may call.
    """

    def __init__(
        self,
        reception: Reception,
        switchboard: Switchboard,
        keyring: Keyring,
        secrets: ClientSecrets,
        origins: Origins,
    ) -> None:
        self._reception = reception
        self._switchboard = switchboard
        self._keyring = keyring
        self._secrets = secrets
        self._origins = origins

    async def create(self, request: Request) -> Response:
        """``POST /v1/realtime/calls``, and the beta's ``POST /v1/realtime?model=``.

        The offer is the body, or part ``sdp`` of a form, whose part ``session`` may say what the
        session is. A client secret has said so already.
        """
        access = self._access(request)
        offer, session = await _read(request)
        opening = self._opening(request.query_params, access, session)
        self._reception.openings.preview(opening)
        call = await self._switchboard.answer(opening, offer)
        # As recorded; clients take the last segment of the path as the call's id.
        location = {"location": f"/v1/realtime/calls/{call.call_id}"}
        return Response(call.sdp, status_code=201, headers=location, media_type="text/plain")

    async def hang_up(self, request: Request) -> Response:
        """``POST /v1/realtime/calls/{call_id}/hangup``."""
        call_id = request.path_params["call_id"]
        call = self._reception.calls.find(call_id, request.state.access.key_name)
        call.hang_up("hung up by request")
        return Response()

    async def not_built(self, request: Request) -> Response:
        """Refuse what is for calls over SIP, and calls that translate."""
        path = request.url.path
        message = (
            f"{request.method} {path} is not built yet: the server takes calls over WebRTC, at "
            "POST /v1/realtime/calls, and none over SIP nor such that translate."
        )
        return error_response(RequestError(message, code="not_implemented"), status=501)

    async def ice_servers(self, request: Request) -> Response:
        """``GET /v1/antiphon/ice_servers``: the STUN and TURN servers that clients are to use."""
        self._access(request)
        return json_response(IceServers(self._reception.config.webrtc.ice_servers))

    def _access(self, request: Request) -> Access:
        self._origins.check(request)
        access = access_with(key_from_headers(request.headers), self._keyring, self._secrets)
        self._reception.admission.key_rules.check_origin(
            access.key_name, request.headers.get("origin")
        )
        return access

    def _opening(self, query: QueryParams, access: Access, session: SessionPatch | None) -> Opening:
        if session is not None and access.grant is not None:
            message = (
                "The client secret says what the session is. Leave 'session' out, and change the "
                "session with 'session.update'."
            )
            raise RequestError(message, code="invalid_parameter", param="session")
        settings = settings_of(query, access.grant) if session is None else session
        opening = self._reception.openings.opening_with(settings, query.get("model"))
        return replace(opening, key_name=access.key_name)


async def _read(request: Request) -> tuple[str, SessionPatch | None]:
    """Return the offer in a request, and what its session is to be.

    Raises:
        HTTPException: 413, the body is too large; 415, it is neither an offer nor a form.
        RequestError: The form has no offer, or says nothing of a session.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == _SDP:
        return (await read_bytes(request)).decode(errors="replace"), None
    if content_type != _FORM:
        wanted = f"The content type is '{content_type}'; send '{_SDP}', or '{_FORM}' with 'sdp'"
        raise HTTPException(415, wanted)
    parts = await read_texts(request, ("sdp", "session"))
    if "sdp" not in parts:
        message = "Missing required parameter: 'sdp'. Send the offer as a part of the form."
        raise RequestError(message, code="missing_required_parameter", param="sdp")
    if not parts.get("session"):
        return parts["sdp"], None
    written = encode({"session": msgspec.Raw(parts["session"].encode())})
    return parts["sdp"], decode_as(written, _CallRequest).session
