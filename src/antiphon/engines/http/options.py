"""What an operator may set of every engine that is a server."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from antiphon.engines.options import Count, Seconds

__all__ = ["ServerOptions"]


class ServerOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server is, and what to expect of it.

    Engines with the same address, key and headers share one server: its connections, its models
    and whether it is down. What is said of these holds as the first of them says it.

    Attributes:
        base_url: Address of the API, with ``/v1`` where it has one.
        remote: Whether its work takes nothing from this machine's processor, which is how much is
            worked ahead; ``None`` for what the address says. ``true`` for a server on this machine
            that computes on a graphics card, or is the near end of a tunnel.
        model: Name of the model. ``None`` for the one that the client of Antiphon asks for, if the
            server lists it, and otherwise the first one that it lists.
        api_key: Sent as a bearer token; ``None`` if the server takes anything.
        headers: Added to every request.
        body: Fields added to the body of every request, as the server documents them.
        connect_timeout_s: Longest wait for a connection. Short, since a machine that is up answers
            within a few hundred milliseconds from anywhere.
        first_event_timeout_s: Longest wait from the request to the first piece of the answer, which
            is all of it where the server does not stream. Long, since models on small machines read
            long prompts for many seconds.
        next_event_timeout_s: Longest wait from one piece of the answer to the next.
        retries: How many times a request is sent again that failed before it was answered.
        longest_retry_wait_s: A server that wants more time than this (``Retry-After``) is not asked
            again: nobody on the phone would wait for it.
        failures_in_a_row: After as many requests that failed, other than by a plain 500, the server
            counts as down. Requests then fail at once.
        rest_s: How long it counts as down, until one request may find out whether it still is.
    """

    base_url: str
    remote: bool | None = None
    model: str | None = None
    api_key: str | None = None
    headers: dict[str, str] = {}
    body: dict[str, Any] = {}
    connect_timeout_s: Seconds = 2.0
    first_event_timeout_s: Seconds = 30.0
    next_event_timeout_s: Seconds = 10.0
    retries: Annotated[int, Meta(ge=0)] = 1
    longest_retry_wait_s: Annotated[float, Meta(ge=0)] = 2.0
    failures_in_a_row: Count = 5
    rest_s: Seconds = 10.0

    @property
    def is_remote(self) -> bool:
        """Whether it computes elsewhere than on this machine's processor, as far as is known."""
        if self.remote is not None:
            return self.remote
        host = urlsplit(self.base_url).hostname or ""
        try:
            return not ip_address(host).is_loopback
        except ValueError:
            return host != "localhost" and not host.endswith(".localhost")  # RFC 6761
