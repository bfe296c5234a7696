"""Keeps account of what each API key uses.

Every limit is a token bucket: it holds a minute's worth, is filled continuously, and what does not
fit is lost. ``reset_seconds`` is the time until it is full again, as in recordings of the hosted
service (629 tokens used of 15 million a minute: 2.5 ms).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor

from antiphon.config import ApiKey, Limits
from antiphon.core.rate_limits import Exceeded
from antiphon.wire.server_events import RateLimit, RateLimitName

__all__ = ["KeyAccount", "KeyAccounts", "TokenBucket"]

_MINUTE_S = 60.0


class TokenBucket:
    """One limit, full at the beginning.

    Args:
        name: What is limited.
        limit: How much of it a minute; also the most that is kept.
    """

    def __init__(self, name: RateLimitName, limit: int) -> None:
        self.name: RateLimitName = name
        self.limit = limit
        self._level = float(limit)
        self._as_of = 0.0  # clocks that begin later find it full all the same

    def take(self, amount: int, now: float) -> None:
        """Take something out. The level may fall below nothing, which time makes good.

        Args:
            amount: How much.
            now: Monotonic clock in seconds; a time before the last one counts as that.
        """
        self._fill(now)
        self._level -= amount

    def wait_s(self, now: float) -> float:
        """Return in how many seconds there is one whole unit to take; 0 if there is now."""
        self._fill(now)
        return round(self._time_to_s(1), 6)  # a millionth is the clock's noise

    def figures(self, now: float) -> RateLimit:
        """Return how the limit stands."""
        self._fill(now)
        return RateLimit(
            name=self.name,
            limit=self.limit,
            remaining=max(0, floor(self._level)),
            reset_seconds=round(self._time_to_s(self.limit), 3),
        )

    def _fill(self, now: float) -> None:
        passed_s = max(0.0, now - self._as_of)
        self._as_of += passed_s
        self._level = min(self.limit, self._level + passed_s * self.limit / _MINUTE_S)

    def _time_to_s(self, level: int) -> float:
        return max(0.0, level - self._level) * _MINUTE_S / self.limit


class KeyAccount:
    """What one key uses: a :class:`~antiphon.core.rate_limits.RateLimits`.

    Args:
        limits: What it may use.
    """

    def __init__(self, limits: Limits) -> None:
        self._requests = _bucket("requests", limits.requests_per_minute)
        self._tokens = _bucket("tokens", limits.tokens_per_minute)

    def admit(self, now: float) -> Exceeded | None:
        """Count one request; if it is beyond a limit, count nothing and return which one."""
        exceeded = self.exceeded(now)
        if exceeded is None and self._requests is not None:
            self._requests.take(1, now)
        return exceeded

    def exceeded(self, now: float) -> Exceeded | None:
        """Return which limit one more request would be beyond, if any; count nothing."""
        waits = [Exceeded(one.name, one.limit, one.wait_s(now)) for one in self._buckets]
        longest = max(waits, key=lambda one: one.wait_s)
        return longest if longest.wait_s > 0 else None

    def spend(self, tokens: int, now: float) -> None:
        """Count the tokens of a response that has ended."""
        if self._tokens is not None:
            self._tokens.take(tokens, now)

    def figures(self, now: float) -> tuple[RateLimit, ...]:
        """Return each limit and what is left of it."""
        return tuple(bucket.figures(now) for bucket in self._buckets)

    @property
    def _buckets(self) -> tuple[TokenBucket, ...]:
        return tuple(one for one in (self._requests, self._tokens) if one is not None)


class KeyAccounts:
    """The accounts of all keys, for as long as the server runs.

    Args:
        keys: Keys that may have limits of their own.
        default: What each other key may use, and those without a key together; ``None`` for any
            amount.
    """

    def __init__(self, keys: Iterable[ApiKey], default: Limits | None) -> None:
        self._own = {key.name: key.rate_limits for key in keys if key.rate_limits is not None}
        self._default = default
        self._accounts: dict[str | None, KeyAccount] = {}

    def of(self, key_name: str | None) -> KeyAccount | None:
        """Return the account of a key; ``None`` if it may use any amount.

        Args:
            key_name: What the key is called; ``None`` where none is needed.
        """
        limits = self._own.get(key_name, self._default) if key_name else self._default
        if limits is None or limits == Limits():
            return None
        if key_name not in self._accounts:
            self._accounts[key_name] = KeyAccount(limits)
        return self._accounts[key_name]


def _bucket(name: RateLimitName, limit: int | None) -> TokenBucket | None:
    return None if limit is None else TokenBucket(name, limit)
