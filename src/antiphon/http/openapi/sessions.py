"""Pages of sessions and calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.http.calls import IceServers
from antiphon.http.openapi.operation import (
    FORM,
    JSON,
    KEY_ERRORS,
    MINTING_ERRORS,
    TEXT,
    WORKING_ERRORS,
    Key,
    ModelQuery,
    Operation,
)
from antiphon.wire import rest
from antiphon.wire.error import HttpErrorBody
from antiphon.wire.session import SessionPatch

__all__ = ["CALL_OPERATIONS", "NOT_BUILT_OPERATIONS", "SESSION_OPERATIONS"]


class CallForm(Struct, frozen=True, kw_only=True):
    """An offer, and what the session is to be."""

    sdp: Annotated[str, Meta(description="The offer.")]
    session: Annotated[SessionPatch | UnsetType, Meta(description="Settings.")] = UNSET


_OFFER: Mapping[str, Any] = {"application/sdp": str, FORM: CallForm}


SESSION_OPERATIONS = (
    Operation(
        "GET",
        "/v1/realtime",
        "open_session",
        "Sessions",
        "Open a session, by an upgrade to a WebSocket.",
        Key.NONE,
        status=101,
        errors=(426,),
    ),
    Operation(
        "GET",
        "/v1/realtime/translations",
        "open_translation",
        "Sessions",
        "Open a translation session, likewise.",
        Key.NONE,
        status=101,
        errors=(426,),
    ),
    Operation(
        "POST",
        "/v1/realtime/client_secrets",
        "create_client_secret",
        "Sessions",
        "Make a client secret.",
        Key.ANY,
        body={JSON: rest.ClientSecretRequest},
        needs_body=False,
        answer={JSON: rest.ClientSecret},
        errors=MINTING_ERRORS,
    ),
    Operation(
        "POST",
        "/v1/realtime/translations/client_secrets",
        "create_translation_client_secret",
        "Sessions",
        "Make one for translation.",
        Key.ANY,
        body={JSON: rest.TranslationClientSecretRequest},
        answer={JSON: rest.TranslationClientSecret},
        errors=MINTING_ERRORS,
    ),
    Operation(
        "POST",
        "/v1/realtime/sessions",
        "create_beta_session",
        "Sessions",
        "Make one, as the beta did.",
        Key.ANY,
        body={JSON: dict[str, Any]},
        needs_body=False,
        answer={JSON: dict[str, Any]},
        errors=MINTING_ERRORS,
    ),
    Operation(
        "POST",
        "/v1/realtime/transcription_sessions",
        "create_beta_transcription_session",
        "Sessions",
        "Make one for transcription, as the beta did.",
        Key.ANY,
        body={JSON: dict[str, Any]},
        needs_body=False,
        answer={JSON: dict[str, Any]},
        errors=MINTING_ERRORS,
    ),
)

CALL_OPERATIONS = (
    Operation(
        "POST",
        "/v1/realtime",
        "create_beta_call",
        "Calls",
        "Call, as in the beta.",
        Key.ANY_OR_SECRET,
        query=ModelQuery,
        body=_OFFER,
        answer={TEXT: None},
        status=201,
        errors=WORKING_ERRORS,
    ),
    Operation(
        "POST",
        "/v1/realtime/calls",
        "create_call",
        "Calls",
        "Call over WebRTC.",
        Key.ANY_OR_SECRET,
        query=ModelQuery,
        body=_OFFER,
        answer={TEXT: None},
        status=201,
        errors=WORKING_ERRORS,
    ),
    Operation(
        "POST",
        "/v1/realtime/calls/{call_id}/hangup",
        "hang_up",
        "Calls",
        "End a call.",
        Key.ANY,
        errors=(*KEY_ERRORS, 404),
    ),
    Operation(
        "GET",
        "/v1/antiphon/ice_servers",
        "list_ice_servers",
        "Calls",
        "The STUN and TURN servers to use.",
        Key.ANY_OR_SECRET,
        answer={JSON: IceServers},
        errors=KEY_ERRORS,
    ),
)

NOT_BUILT_OPERATIONS = tuple(
    Operation(
        "POST",
        path,
        name,
        "Not built",
        summary,
        Key.ANY,
        status=501,
        errors=KEY_ERRORS,
        answer={JSON: HttpErrorBody},
    )
    for path, name, summary in (
        ("/v1/realtime/calls/{call_id}/accept", "accept_call", "Take a call over SIP."),
        ("/v1/realtime/calls/{call_id}/reject", "reject_call", "Refuse it."),
        ("/v1/realtime/calls/{call_id}/refer", "refer_call", "Pass it on."),
        ("/v1/realtime/translations/calls", "create_translation_call", "Call a translator."),
    )
)
