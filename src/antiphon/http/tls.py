"""The certificate that the server shows, and can be given anew while it serves."""

from __future__ import annotations

import ssl

from antiphon.config import TlsChoice
from antiphon.errors import ConfigurationError

__all__ = ["Certificate"]


class Certificate:
    """A certificate that has been read.

    Args:
        choice: Where it is.

    Attributes:
        context: Shows it to clients.

    Raises:
        ConfigurationError: It cannot be used.
    """

    def __init__(self, choice: TlsChoice) -> None:
        self.context = _context(choice)

    def reload(self, choice: TlsChoice) -> None:
        """Show another certificate to those who connect from now on.

        Raises:
            ConfigurationError: It cannot be used; the one before stays.
        """
        _context(choice)  # one that cannot be used is found out before it is in use
        _load(self.context, choice)


def _context(choice: TlsChoice) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # TLS 1.2 and later
    context.set_alpn_protocols(["http/1.1"])
    _load(context, choice)
    return context


def _load(context: ssl.SSLContext, choice: TlsChoice) -> None:
    try:
        context.load_cert_chain(choice.certificate, choice.key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        message = (
            f"The certificate {choice.certificate} with the key {choice.key} cannot be used: "
            f"{error}. Both have to be PEM files that the server may read, of one pair, the key "
            "without a password."
        )
        raise ConfigurationError(message) from error


def _no_password() -> str:
    """Refuse to be asked. OpenSSL would ask at the terminal, and a server has none."""
    message = "the key has a password"
    raise ValueError(message)
