"""How much may be asked for in a minute, and spent in a day, as the core sees it.

What is left belongs to a key, not to a session: it is shared by all sessions that the key opens.
The core therefore asks for it, and is told; who keeps the account is the runtime's affair.

A response counts as a request when it is created, whoever asked for it. Its tokens and its cost
count when it ends, since nobody knows before how many they will be: one response may take more than
is left, and the next has to wait until that is made good.
"""

from __future__ import annotations

from math import ceil
from typing import Literal, NamedTuple, Protocol, TypeAlias

from antiphon.core.signals import Failure
from antiphon.wire.response import RealtimeResponseUsage
from antiphon.wire.server_events import RateLimit, RateLimitName

__all__ = ["Beyond", "Exceeded", "Overspent", "RateLimits", "failure_of_limit"]


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


class Overspent(NamedTuple):
    """A limit of what may be spent that has been reached.

    Attributes:
        period: In which time.
        limit: How much, in the currency.
        currency: Such as ``USD``.
        wait_s: When the next such time begins, in seconds from now.
    """

    period: Literal["day", "month"]
    limit: float
    currency: str
    wait_s: float


Beyond: TypeAlias = Exceeded | Overspent
"""What stands against one more response."""


class RateLimits(Protocol):
    """The account of one key. ``now`` is the session's: any monotonic clock in seconds."""

    def admit(self, now: float) -> Beyond | None:
        """Count one request; if it is beyond a limit, count nothing and return which one."""
        ...

    def spend(self, usage: RealtimeResponseUsage, now: float) -> None:
        """Count the tokens and the cost of a response that has ended."""
        ...

    def figures(self, now: float) -> tuple[RateLimit, ...]:
        """Return each limit on requests and tokens, and what is left of it."""
        ...


def failure_of_limit(beyond: Beyond) -> Failure:
    """Return why a response beyond a limit fails: type and code as recorded of the service."""
    wait_s = ceil(beyond.wait_s * 1000) / 1000  # up, so that who waits that long is admitted
    if isinstance(beyond, Overspent):
        message = (
            f"You exceeded your current quota: {beyond.limit:g} {beyond.currency} per "
            f"{beyond.period}. Please try again in {wait_s:.0f}s."
        )
        return Failure("generate", "insufficient_quota", message, type="insufficient_quota")
    message = (
        f"Rate limit reached: {beyond.limit} {beyond.name} per minute. "
        f"Please try again in {wait_s}s."
    )
    return Failure("generate", "inference_rate_limit_exceeded", message, type="rate_limit_exceeded")
