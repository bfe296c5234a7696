"""API keys as the operator writes them down: plain, or hashed so that a reader learns none."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Annotated

from msgspec import Meta, Struct

from antiphon.wire.refusal import InvalidFieldError

__all__ = [
    "HASH_PREFIX",
    "ORIGIN_PATTERN",
    "ApiKey",
    "Limits",
    "digest_of",
    "hash_line",
    "name_of",
    "new_key",
]

HASH_PREFIX = "sha256:"
"""What a hashed key begins with; 64 hexadecimal digits follow. A fast hash will do, and is needed
for each connection: keys are random and long, unlike passwords."""

_KEY_PREFIX = "sk-"
_KEY_BYTES = 32
_NAME_DIGITS = 8  # as many as `antiphon config` shows of a hash; a random key is safe with that

ORIGIN_PATTERN = r"^(null|[a-z][a-z0-9+.-]*://[^/?#\sA-Z]+)$(?!\n)"
"""The origin of a page as browsers write it: lower case, without a path."""

_HASHED = re.compile(rf"{HASH_PREFIX}[0-9a-f]{{64}}")


_Amount = Annotated[float, Meta(gt=0, le=1e12)]
"""Of the configuration's currency. TOML knows infinity, which nobody spends."""


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one key may use. Unused allowance of up to a minute is kept.

    Attributes:
        requests_per_minute: Responses begun, asked for or not; ``None`` for any number.
        tokens_per_minute: Tokens of their usage, in and out; ``None`` for any number.
        max_sessions: Sessions and requests for audio at once; ``None`` for any number.
        spend_per_day: What its responses may cost from midnight to midnight, UTC, in the
            configuration's currency; ``None`` for any amount. Costs are known when a response has
            ended, so the last one may go beyond.
        spend_per_month: The same from the first of a month.
    """

    requests_per_minute: Annotated[int, Meta(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Meta(ge=1)] | None = None
    max_sessions: Annotated[int, Meta(ge=1)] | None = None
    spend_per_day: _Amount | None = None
    spend_per_month: _Amount | None = None

    @property
    def spend(self) -> bool:
        """Whether costs are limited."""
        return self.spend_per_day is not None or self.spend_per_month is not None


class ApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key with a name.

    Attributes:
        name: What it is called in logs and in client secrets; not secret.
        hash: The key's hash, as ``antiphon key`` prints it.
        rate_limits: Its own limits, which take the place of those for all; ``None`` for those.
        models: The models that it may ask for, by their names or patterns such as ``fast-*``; all
            if there are none. Names that are not configured count as the default model's.
        origins: The web pages that may use it, of those that may use the server; all if there are
            none. Programs other than browsers are not concerned.
    """

    name: Annotated[str, Meta(pattern=r"^[\w-]+$")]
    hash: str
    rate_limits: Limits | None = None
    models: tuple[str, ...] = ()
    origins: tuple[Annotated[str, Meta(pattern=ORIGIN_PATTERN)], ...] = ()

    def __post_init__(self) -> None:
        if not _HASHED.fullmatch(self.hash):
            message = (
                "Invalid '{param}': expected 'sha256:' and 64 hexadecimal digits in lower case. "
                "'antiphon key' makes a key and prints its hash."
            )
            raise InvalidFieldError("hash", message)


def digest_of(key: str) -> bytes:
    """Return the SHA-256 digest of a key that is written plain or as ``sha256:HEX``.

    Raises:
        ValueError: It begins like a hash and is none.
    """
    if not key.startswith(HASH_PREFIX):
        return hashlib.sha256(key.encode()).digest()
    if not _HASHED.fullmatch(key):
        message = (
            f"'{HASH_PREFIX}' is followed by 64 hexadecimal digits in lower case; here are "
            f"{len(key) - len(HASH_PREFIX)} characters. 'antiphon key' prints such a line."
        )
        raise ValueError(message)
    return bytes.fromhex(key.removeprefix(HASH_PREFIX))


def name_of(kind: str, digest: bytes) -> str:
    """Return what a key is called that was given no name.

    By its digest, not by its place: what was spent, kept and made with a key belongs to its name,
    which must not pass to another key when one before it is taken out of the list.

    Args:
        kind: ``key`` or ``admin``.
        digest: SHA-256 of the key.
    """
    return f"{kind}-{digest.hex()[:_NAME_DIGITS]}"


def hash_line(key: str) -> str:
    """Return the hash of a plain key as the configuration takes it: ``sha256:HEX``."""
    return HASH_PREFIX + hashlib.sha256(key.encode()).hexdigest()


def new_key() -> str:
    """Return a new random key of 256 bits, of characters that a header and a URL may hold."""
    return _KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
