"""The certificate with which the server speaks TLS."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["TlsChoice"]


class TlsChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate and its key, as files in PEM format.

    Attributes:
        certificate: Path of the certificate, followed by those of its issuers. Relative to the
            configuration file, as the key's; to the working directory where a variable gives it.
        key: Path of its private key, without a password.
    """

    certificate: str
    key: str
