"""Who may open sessions: those with an API key, and those whom they gave a client secret."""

from __future__ import annotations

from typing import NamedTuple

from antiphon.http.auth import Keyring
from antiphon.http.client_secrets import ClientSecrets, Grant, is_client_secret

__all__ = ["Access", "access_with"]


class Access(NamedTuple):
    """What a client may open.

    Attributes:
        grant: What its client secret is bound to; ``None`` for an API key, which is bound to
            nothing.
        key_name: What the API key is called that it comes from; ``None`` where none is needed.
    """

    grant: Grant | None
    key_name: str | None


def access_with(key: str | None, keyring: Keyring, secrets: ClientSecrets) -> Access:
    """Return what may be opened with a client's key.

    Raises:
        RequestError: ``invalid_api_key``; it is neither an API key nor a client secret.
    """
    if key is not None and is_client_secret(key):
        grant = secrets.read(key)
        return Access(grant, grant.key_name)
    return Access(None, keyring.check(key))
