"""Which web pages may use the server.

Browsers let any page open a WebSocket to any server, this machine's own included, and say where
the page is from in ``Origin``. CORS alone would only keep a page from reading answers over HTTP, so
the server itself refuses what comes from other pages. Programs other than browsers send no origin
and are not concerned.

The console is a page of the server's own, so the server's own origin may use it, unless somebody
else might be behind that: whoever owns a domain name can have it lead to this machine once a
browser has loaded his page under it (DNS rebinding), and is then of the server's own origin. Where
a key is needed that gains him nothing. Where none is, only names count that are nobody's to give:
those of this machine, and bare addresses.
"""

from __future__ import annotations

import logging
import re

from msgspec import Struct
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from antiphon.config import Config
from antiphon.errors import RequestError

__all__ = ["Origins", "allowed_origins"]

_log = logging.getLogger(__name__)

# Pages that this machine serves to itself, such as a development server's.
_LOOPBACK = r"https?://(([a-z0-9-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?"

_NOBODYS_NAME = re.compile(
    r"(([a-z0-9-]+\.)*localhost|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])(:\d+)?", re.IGNORECASE
)
"""Hosts that no foreign domain name can be: this machine by name, and addresses."""

_REQUEST_HEADERS = ("Authorization", "Content-Type", "X-OpenAI-Agents-SDK")
_ANSWER_HEADERS = ("Location", "X-Request-Id")


class Origins(Struct, frozen=True, kw_only=True):
    """Origins of pages that may use the server.

    Attributes:
        listed: Each as browsers send it, ``https://example.org:8443``; ``*`` for all.
        pattern: Further ones, as a regular expression of the whole; ``None`` for no further ones.
        needs_key: Whether clients need an API key, so that it does not matter whose page it is.
        open_to_names: Whether requests may come by any name of the server. Otherwise, those that
            come from no page or from one that does not say so have to name this machine.
    """

    listed: tuple[str, ...] = ()
    pattern: str | None = None
    needs_key: bool = False
    open_to_names: bool = False

    def check(self, connection: HTTPConnection) -> None:
        """Check the page that a request comes from, if it comes from one.

        Raises:
            RequestError: ``origin_not_allowed``. The operator is told as well: a page cannot read
                why its upgrade was refused.
        """
        origin = connection.headers.get("origin")
        host = connection.headers.get("host", "")
        if origin is None:
            # Browsers leave it out where a page asks the server that it is from, upgrades apart.
            if connection.scope["type"] == "http" and not self._leads_here(host):
                raise _refused(f"http://{host}")
        elif not self._lets(origin) and not self._is_own(origin, host, connection.scope["scheme"]):
            raise _refused(origin)

    def _lets(self, origin: str) -> bool:
        if "*" in self.listed or origin in self.listed:
            return True
        return self.pattern is not None and re.fullmatch(self.pattern, origin) is not None

    def _is_own(self, origin: str, host: str, scheme: str) -> bool:
        """Whether an origin is the server's own, and whether that says who it is.

        Where TLS ends in front of the server, ``https`` arrives as ``http``, never the reverse.
        """
        own = {f"https://{host}"}
        if scheme in ("http", "ws"):
            own.add(f"http://{host}")
        return origin in own and (self.needs_key or _NOBODYS_NAME.fullmatch(host) is not None)

    def _leads_here(self, host: str) -> bool:
        if self.needs_key or self.open_to_names or "*" in self.listed or not host:
            return True
        named = {origin.partition("://")[2] for origin in self.listed}
        return host in named or _NOBODYS_NAME.fullmatch(host) is not None

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return the application with CORS for these origins."""
        return CORSMiddleware(
            app,
            allow_origins=self.listed,
            allow_origin_regex=self.pattern,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_ANSWER_HEADERS,
            allow_private_network=True,  # a public page that is allowed may call a local server
        )


def allowed_origins(config: Config) -> Origins:
    """Return the pages that may use a server.

    Those that the operator lists, and the server's own. Without a list, any page, if keys are
    needed: a key is not a cookie, no page has one unless it was given to it, and the hosted service
    does the same. If no key is needed, only pages of this machine: any other one could use the
    server of everybody who looks at it.
    """
    for_all = config.needs_key and not config.allow_origins
    for_this_machine = not (config.needs_key or config.allow_origins)
    return Origins(
        listed=("*",) if for_all else config.allow_origins,
        pattern=_LOOPBACK if for_this_machine else None,
        needs_key=config.needs_key,
        open_to_names=not config.listens_on_loopback,
    )


def _refused(origin: str) -> RequestError:
    _log.warning("refused a page of %r; --allow-origin says whose pages may connect", origin)
    message = (
        f"Pages of '{origin}' may not use this server. Start it with --allow-origin {origin} to "
        "let them."
    )
    return RequestError(message, code="origin_not_allowed")
