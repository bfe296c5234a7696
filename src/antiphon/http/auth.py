"""Who may connect: API keys as bearer tokens, or as a WebSocket subprotocol from browsers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence

from starlette.datastructures import Headers

from antiphon.errors import RequestError
from antiphon.http.client_secrets import is_client_secret

__all__ = ["REALTIME_SUBPROTOCOL", "Keyring", "key_from_headers", "key_from_subprotocols"]

REALTIME_SUBPROTOCOL = "realtime"
"""The one subprotocol the server ever selects; entries that carry keys are never echoed."""

_KEY_PREFIX = "openai-insecure-api-key."


class Keyring:
    """The API keys of a server. Without any, everybody may connect, and do anything.

    Args:
        digests: SHA-256 digests of the keys by their names. The keys themselves are not held: a
            dump of the process's memory gives none away.
        admins: The names of those that may do what concerns the whole server.
    """

    def __init__(self, digests: Mapping[str, bytes], admins: Collection[str] = ()) -> None:
        self._digests = digests
        self._admins = frozenset(admins)

    def check(self, key: str | None) -> str | None:
        """Check a client's key, in the same time for a wrong one as for a right one.

        Client secrets are no keys, also where none are needed: what works while a program is made
        should not stop working where there are keys.

        Returns:
            What the key is called; ``None`` where none is needed.

        Raises:
            RequestError: ``invalid_api_key``; it is not one of the keys.
        """
        if is_client_secret(key):
            message = (
                "A client secret only opens sessions. Use an API key for this, from a place where "
                "it stays secret."
            )
            raise RequestError(message, code="invalid_api_key")
        if not self._digests:
            return None
        if key is None:
            message = (
                "No API key was given. Send the header 'Authorization: Bearer KEY', with a key "
                "that the server was started with."
            )
            raise RequestError(message, code="invalid_api_key")
        given = hashlib.sha256(key.encode()).digest()
        matches = [
            name for name, digest in self._digests.items() if hmac.compare_digest(given, digest)
        ]
        if not matches:
            message = "The API key is not one of those that the server was started with."
            raise RequestError(message, code="invalid_api_key")
        return matches[0]

    def check_admin(self, key: str | None) -> str | None:
        """Check the key of a client who wants to do what concerns the whole server.

        Returns:
            What the key is called; ``None`` where none is needed, for nothing or for anything.

        Raises:
            RequestError: ``invalid_api_key``, as :meth:`check`; ``forbidden``: it is a key, but not
                one of an administrator.
        """
        name = self.check(key)
        if not self.is_admin(name):
            remedy = (
                "Use one of 'admin_keys'."
                if self._admins
                else "The server has none; list one in 'admin_keys' of its configuration."
            )
            message = f"The key '{name}' may not do this: it takes an admin key. {remedy}"
            raise RequestError(message, code="forbidden")
        return name

    def check_secret_of(self, name: str | None) -> None:
        """Check that a key is still there with which a client secret was made.

        Who takes a key away means what was made with it as well; so does who has keys needed that
        were not.

        Args:
            name: What the key was called; ``None`` where none was needed.

        Raises:
            RequestError: ``invalid_api_key``; it is not one of the keys any more.
        """
        if name not in self._digests and (name is not None or self._digests):
            message = (
                "The API key that the client secret was made with is not one of this server's any "
                "more. Ask for another one at /v1/realtime/client_secrets."
            )
            raise RequestError(message, code="invalid_api_key")

    def is_admin(self, name: str | None) -> bool:
        """Whether who has this key may do what concerns the whole server.

        Args:
            name: What the key is called, by :meth:`check`; ``None`` where none is needed.
        """
        return name is None or name in self._admins


def key_from_headers(headers: Headers) -> str | None:
    """Return the bearer token of a request, if it has one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def key_from_subprotocols(offered: Sequence[str]) -> str | None:
    """Return the key that a browser offers as a subprotocol, since it cannot set headers."""
    keys = [entry.removeprefix(_KEY_PREFIX) for entry in offered if entry.startswith(_KEY_PREFIX)]
    return keys[0] if keys else None
