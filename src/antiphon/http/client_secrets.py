"""Client secrets: what a browser can hold instead of an API key.

A secret carries everything it grants, so the server keeps no list of them, and all processes that
share a home honour each other's. It is encrypted and signed: the settings may hold tokens of MCP
servers, which whoever holds the secret may have used but not read.
"""

from __future__ import annotations

import base64
import time
import zlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from msgspec import Struct

from antiphon.config import CLIENT_SECRET_PREFIX
from antiphon.errors import RequestError
from antiphon.http.signing_key import signing_key
from antiphon.wire.codec import encode
from antiphon.wire.session import SessionPatch
from antiphon.wire.translation import TranslationSessionRequest

__all__ = [
    "MAX_SECRET_CHARS",
    "ClientSecrets",
    "Grant",
    "SessionGrant",
    "TranslationGrant",
    "is_client_secret",
]

MAX_SECRET_CHARS = 7680
"""A secret travels in one header line, of which servers and proxies commonly take 8 KiB: the rest
is for the header's name and for other subprotocols in the same line."""

_KEY_FILE = "client-secrets.key"


class SessionGrant(Struct, frozen=True, kw_only=True, tag="session"):
    """Lets its holder open speech sessions, or transcription sessions.

    Attributes:
        expires_at: Until when, in seconds of the Unix clock.
        settings: What the sessions begin with.
        key_name: What the API key is called that it was made with, to which the sessions count;
            ``None`` where none is needed.
    """

    expires_at: int
    settings: SessionPatch
    key_name: str | None = None


class TranslationGrant(Struct, frozen=True, kw_only=True, tag="translation"):
    """Lets its holder open translation sessions.

    Attributes:
        expires_at: Until when, in seconds of the Unix clock.
        settings: What the sessions begin with.
        key_name: What the API key is called that it was made with, to which the sessions count;
            ``None`` where none is needed.
    """

    expires_at: int
    settings: TranslationSessionRequest
    key_name: str | None = None


Grant: TypeAlias = SessionGrant | TranslationGrant


def is_client_secret(key: str | None) -> bool:
    """Whether a client's key is a secret, by its looks."""
    return key is not None and key.startswith(CLIENT_SECRET_PREFIX)


class ClientSecrets:
    """Makes and reads client secrets.

    Args:
        home: Where the signing key is kept; made when the first secret is.
        clock: Seconds of the Unix clock.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._home = home
        self._clock = clock

    def expiry(self, lifetime_s: int) -> int:
        """Return when a secret expires that is made now, in seconds of the Unix clock."""
        return int(self._clock()) + lifetime_s

    def mint(self, grant: Grant) -> str:
        """Return a secret: ``ek_`` and characters that a header and a subprotocol may hold.

        Raises:
            RequestError: ``string_above_max_length``; the settings are too long for a secret.
        """
        sealed = self._box.encrypt(zlib.compress(encode(grant))).rstrip(b"=")  # no token character
        secret = CLIENT_SECRET_PREFIX + sealed.decode()
        if len(secret) > MAX_SECRET_CHARS:
            message = (
                f"The settings make a client secret of {len(secret)} characters; at most "
                f"{MAX_SECRET_CHARS} fit a header line. Shorten 'instructions' or 'tools', or have "
                "the client send them in a session.update."
            )
            raise RequestError(message, code="string_above_max_length", param="session")
        return secret

    def read(self, secret: str, *, expired_too: bool = False) -> Grant:
        """Return what a secret grants.

        Args:
            secret: The secret.
            expired_too: Whether it will do when it has expired: to come back to a session that it
                has opened, which takes a secret of the session's own as well.

        Raises:
            RequestError: ``invalid_api_key``; it is not one of this server's, or has expired.
        """
        sealed = secret.removeprefix(CLIENT_SECRET_PREFIX).encode()
        try:
            opened = self._box.decrypt(sealed + b"=" * (-len(sealed) % 4))
        except InvalidToken:
            message = (
                "The client secret is not one that this server made. "
                "Ask for another one at /v1/realtime/client_secrets."
            )
            raise RequestError(message, code="invalid_api_key") from None
        grant = _decoder.decode(zlib.decompress(opened))
        if self._clock() >= grant.expires_at and not expired_too:
            ago_s = int(self._clock()) - grant.expires_at
            message = (
                f"The client secret expired {ago_s} seconds ago. "
                "Ask for another one at /v1/realtime/client_secrets."
            )
            raise RequestError(message, code="invalid_api_key")
        return grant

    @cached_property
    def _box(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(signing_key(self._home / _KEY_FILE)))


_decoder: msgspec.json.Decoder[Grant] = msgspec.json.Decoder(Grant)
