"""Who may do what: those with an API key, those whom they gave a client secret, administrators."""

from __future__ import annotations

from typing import NamedTuple

from antiphon.http.auth import Keyring
from antiphon.http.client_secrets import ClientSecrets, Grant, is_client_secret

__all__ = ["Access", "access_with"]


class Access(NamedTuple):
    """What a client may do.

    Attributes:
        grant: What its client secret is bound to; ``None`` for an API key, which is bound to
            nothing.
        key_name: What the API key is called that it comes from; ``None`` where none is needed.
        is_admin: Whether it may see and do what concerns the whole server, and not only what was
            done with its own key. Everybody may where no key is needed.
    """

    grant: Grant | None
    key_name: str | None
    is_admin: bool


def access_with(
    key: str | None, keyring: Keyring, secrets: ClientSecrets, *, resuming: bool = False
) -> Access:
    """Return what may be done with a client's key.

    Args:
        key: The key, or a client secret.
        keyring: The server's keys.
        secrets: Its client secrets.
        resuming: Whether the client only wants to come back to a session, for which an expired
            client secret will do.

    Raises:
        RequestError: ``invalid_api_key``; it is neither an API key nor a client secret made with
            one.
    """
    if key is not None and is_client_secret(key):
        grant = secrets.read(key, expired_too=resuming)
        keyring.check_secret_of(grant.key_name)
        return Access(grant, grant.key_name, is_admin=False)
    name = keyring.check(key)
    return Access(None, name, keyring.is_admin(name))
