"""Bodies of the HTTP requests and answers around sessions and calls."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.wire.session import Session, SessionPatch
from antiphon.wire.translation import TranslationSession, TranslationSessionRequest

__all__ = [
    "CallRefer",
    "CallReject",
    "ClientSecret",
    "ClientSecretRequest",
    "ExpiresAfter",
    "TranslationClientSecret",
    "TranslationClientSecretRequest",
]


class ExpiresAfter(Struct, frozen=True, kw_only=True):
    """How long a client secret can open sessions: 10 seconds to 2 hours, 10 minutes if unsaid."""

    anchor: Annotated[
        Literal["created_at"], Meta(description="What the seconds are counted from.")
    ] = "created_at"
    seconds: Annotated[
        int, Meta(ge=10, le=7200, description="Seconds until the secret opens no more sessions.")
    ] = 600


_ExpiresAfterMeta = Meta(description="How long the secret can open sessions.")
_ValueMeta = Meta(description="The secret, to be used as a bearer token.")
_ExpiresAtMeta = Meta(description="When it expires, in seconds of the Unix clock.")


class ClientSecretRequest(Struct, frozen=True, kw_only=True):
    """Body of ``POST /v1/realtime/client_secrets``."""

    expires_after: Annotated[ExpiresAfter, _ExpiresAfterMeta] = ExpiresAfter()
    session: Annotated[
        SessionPatch | UnsetType, Meta(description="Settings for the sessions it opens.")
    ] = UNSET


class ClientSecret(Struct, frozen=True, kw_only=True):
    """A short-lived secret that a browser can hold."""

    value: Annotated[str, _ValueMeta]
    expires_at: Annotated[int, _ExpiresAtMeta]
    session: Annotated[Session, Meta(description="The session it opens, as it will stand.")]


class TranslationClientSecretRequest(Struct, frozen=True, kw_only=True):
    """Body of ``POST /v1/realtime/translations/client_secrets``."""

    expires_after: Annotated[ExpiresAfter, _ExpiresAfterMeta] = ExpiresAfter()
    session: Annotated[
        TranslationSessionRequest, Meta(description="Settings for the sessions it opens.")
    ]


class TranslationClientSecret(Struct, frozen=True, kw_only=True):
    """A short-lived secret that opens translation sessions."""

    value: Annotated[str, _ValueMeta]
    expires_at: Annotated[int, _ExpiresAtMeta]
    session: Annotated[TranslationSession, Meta(description="The session it opens.")]


class CallReject(Struct, frozen=True, kw_only=True):
    """Body of ``POST /v1/realtime/calls/{call_id}/reject``."""

    status_code: Annotated[
        int, Meta(ge=300, le=699, description="SIP status to refuse the call with.")
    ] = 603


class CallRefer(Struct, frozen=True, kw_only=True):
    """Body of ``POST /v1/realtime/calls/{call_id}/refer``."""

    target_uri: Annotated[
        str, Meta(min_length=1, description="Where to, as a `tel:` or `sip:` URI.")
    ]
