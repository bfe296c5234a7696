"""How much may be asked for in a minute, as the core sees it.

What is left belongs to a key, not to a session: it is shared by all sessions that the key opens.
The core therefore asks for it, and is told; who keeps the account is the runtime's affair.

A response counts as a request when it is created, whoever asked for it. Its tokens count when it
ends, since nobody knows before how many they will be: one response may take more than is left, and
the next has to wait until that is made good.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple, Protocol

from antiphon.core.signals import Failure
from antiphon.wire.server_events import RateLimit, RateLimitName

__all__ = ["Exceeded", "RateLimits", "failure_of_limit"]


class Exceeded(NamedTuple):
    """A limit that has been reached.

    Attributes:
        name: What is limited.
        limit: How much of it a minute.
        wait_s: When to ask again, in seconds from now.
    """

    name: RateLimitName
    limit: int
    wait_s: float


class RateLimits(Protocol):
    """The account of one key. ``now`` is the session's: any monotonic clock in seconds."""

    def admit(self, now: float) -> Exceeded | None:
        """Count one request; if it is beyond a limit, count nothing and return which one."""
        ...

    def spend(self, tokens: int, now: float) -> None:
        """Count the tokens of a response that has ended."""
        ...

    def figures(self, now: float) -> tuple[RateLimit, ...]:
        """Return each limit and what is left of it."""
        ...


def failure_of_limit(exceeded: Exceeded) -> Failure:
    """Return why a response beyond a limit fails: type and code as recorded of the service."""
    wait_s = ceil(exceeded.wait_s * 1000) / 1000  # up, so that who waits that long is admitted
    message = (
        f"Rate limit reached: {exceeded.limit} {exceeded.name} per minute. "
        f"Please try again in {wait_s}s."
    )
    return Failure("generate", "inference_rate_limit_exceeded", message, type="rate_limit_exceeded")
