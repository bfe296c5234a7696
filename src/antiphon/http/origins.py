"""Which web pages may use the server.

Browsers let any page open a WebSocket to any server, this machine's own included, and say where
the page is from in ``Origin``. CORS alone would only keep a page from reading answers over HTTP, so
the server itself refuses what comes from other pages. Programs other than browsers send no origin
and are not concerned.
"""

from __future__ import annotations

import logging
import re

from msgspec import Struct
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from antiphon.config import Config
from antiphon.errors import RequestError

__all__ = ["Origins", "allowed_origins"]

_log = logging.getLogger(__name__)

# Pages that this machine serves to itself, such as a development server's.
_LOOPBACK = r"https?://(([a-z0-9-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?"

_REQUEST_HEADERS = ("Authorization", "Content-Type", "X-OpenAI-Agents-SDK")
_ANSWER_HEADERS = ("Location", "X-Request-Id")


class Origins(Struct, frozen=True, kw_only=True):
    """Origins of pages that may use the server.

    Attributes:
        listed: Each as browsers send it, ``https://example.org:8443``; ``*`` for all.
        pattern: Further ones, as a regular expression of the whole; ``None`` for no further ones.
    """

    listed: tuple[str, ...] = ()
    pattern: str | None = None

    def check(self, origin: str | None) -> None:
        """Check the origin that a request comes from; ``None`` if it comes from no page.

        Raises:
            RequestError: ``origin_not_allowed``. The operator is told as well: a page cannot read
                why its upgrade was refused.
        """
        if origin is None or "*" in self.listed or origin in self.listed:
            return
        if self.pattern is not None and re.fullmatch(self.pattern, origin):
            return
        _log.warning("refused a page of %r; --allow-origin says whose pages may connect", origin)
        message = (
            f"Pages of '{origin}' may not use this server. Start it with --allow-origin {origin} "
            "to let them."
        )
        raise RequestError(message, code="origin_not_allowed")

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return the application with CORS for these origins."""
        return CORSMiddleware(
            app,
            allow_origins=self.listed,
            allow_origin_regex=self.pattern,
            allow_methods=("GET", "POST"),
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_ANSWER_HEADERS,
            allow_private_network=True,  # a public page that is allowed may call a local server
        )


def allowed_origins(config: Config) -> Origins:
    """Return the pages that may use a server.

    Those that the operator lists, and only those. Without a list, any page, if keys are needed: a
    key is not a cookie, no page has one unless it was given to it, and the hosted service does the
    same. If no key is needed, only pages of this machine: any other one could use the server of
    everybody who looks at it.
    """
    if config.allow_origins:
        return Origins(listed=config.allow_origins)
    return Origins(listed=("*",)) if config.needs_key else Origins(pattern=_LOOPBACK)
