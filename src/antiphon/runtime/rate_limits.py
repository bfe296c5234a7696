"""Keeps account of what each API key uses.

Every limit is a token bucket: it holds a minute's worth, is filled continuously, and what does not
fit is lost. ``reset_seconds`` is the time until it is full again, as in recordings of the hosted
service (629 tokens used of 15 million a minute: 2.5 ms).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import floor

from antiphon.config import Config, Limits, Price
from antiphon.core.rate_limits import Beyond, Exceeded, Overspent, failure_of_limit
from antiphon.errors import BusyError
from antiphon.runtime.costs import Prices, Spending, Spent, cost_micros
from antiphon.wire.response import RealtimeResponseUsage
from antiphon.wire.server_events import RateLimit, RateLimitName

__all__ = ["KeyAccount", "KeyAccounts", "ModelAccount", "TokenBucket", "refusal_of_limit"]

SESSION_RETRY_S = 5.0
"""When a client may come again whose key has all the sessions going on that it may have."""

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
        currency: What it may spend is in this.
        clock: Seconds since 1970: days and months are those of UTC.

    Attributes:
        limits: What it may use.
        spending: What it has spent.
        sessions: How many sessions, and requests for audio, it has going on.
    """

    def __init__(
        self, limits: Limits, currency: str = "USD", clock: Callable[[], float] = time.time
    ) -> None:
        self.spending = Spending(clock)
        self.sessions = 0
        self._currency = currency
        self._limit_to(limits)

    def renew(self, limits: Limits, currency: str) -> None:
        """Have limits hold from now on; if they are others, a minute's allowance is full again."""
        self._currency = currency
        if limits != self.limits:
            self._limit_to(limits)

    def _limit_to(self, limits: Limits) -> None:
        self.limits = limits
        self._requests = _bucket("requests", limits.requests_per_minute)
        self._tokens = _bucket("tokens", limits.tokens_per_minute)

    def admit(self, now: float) -> Beyond | None:
        """Count one request; if it is beyond a limit, count nothing and return which one."""
        beyond = self.exceeded(now)
        if beyond is None and self._requests is not None:
            self._requests.take(1, now)
        return beyond

    def exceeded(self, now: float) -> Beyond | None:
        """Return which limit one more request would be beyond, if any; count nothing."""
        overspent = self.spending.exceeded(self.limits, self._currency)
        if overspent is not None:
            return overspent
        waits = [Exceeded(one.name, one.limit, one.wait_s(now)) for one in self._buckets]
        longest = max(waits, key=lambda one: one.wait_s, default=None)
        return longest if longest and longest.wait_s > 0 else None

    @property
    def full(self) -> bool:
        """Whether it may begin no further session."""
        most = self.limits.max_sessions
        return most is not None and self.sessions >= most

    @contextmanager
    def place(self) -> Iterator[None]:
        """Count a session as long as the context is open."""
        self.sessions += 1
        try:
            yield
        finally:
            self.sessions -= 1

    def spend(self, usage: RealtimeResponseUsage, now: float, price: Price | None = None) -> None:
        """Count the tokens of a response that has ended, and its cost where it has a price."""
        if self._tokens is not None:
            self._tokens.take(usage.total_tokens, now)
        if price is not None:
            self.spending.add(cost_micros(usage, price))

    def figures(self, now: float) -> tuple[RateLimit, ...]:
        """Return each limit on requests and tokens, and what is left of it."""
        return tuple(bucket.figures(now) for bucket in self._buckets)

    @property
    def _buckets(self) -> tuple[TokenBucket, ...]:
        return tuple(one for one in (self._requests, self._tokens) if one is not None)


class ModelAccount:
    """What one key uses of one model, which has a price. Otherwise as its :class:`KeyAccount`.

    Args:
        account: The key's.
        price: What the model costs; ``None`` for nothing.
    """

    def __init__(self, account: KeyAccount, price: Price | None) -> None:
        self._account = account
        self._price = price
        self.admit = account.admit
        self.exceeded = account.exceeded
        self.figures = account.figures

    def spend(self, usage: RealtimeResponseUsage, now: float) -> None:
        """Count the tokens and the cost of a response that has ended."""
        self._account.spend(usage, now, self._price)


class KeyAccounts:
    """The accounts of all keys, for as long as the server runs.

    Args:
        config: Which keys there are, what they may use, and what that costs.
        clock: Seconds since 1970.
    """

    def __init__(self, config: Config, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._accounts: dict[str | None, KeyAccount] = {}
        self.renew(config)

    def renew(self, config: Config) -> None:
        """Have the limits of another configuration hold, for sessions that are open as well."""
        self._config = config
        self._keys = {key.name: key for key in config.keys}
        self.prices = Prices(config.prices)
        for name, account in self._accounts.items():
            account.renew(self._limits_of(name), config.currency)

    def of(self, key_name: str | None) -> KeyAccount:
        """Return the account of a key.

        Args:
            key_name: What the key is called; ``None`` where none is needed: all who come without
                one share an account.
        """
        if key_name not in self._accounts:
            limits = self._limits_of(key_name)
            self._accounts[key_name] = KeyAccount(limits, self._config.currency, self._clock)
        return self._accounts[key_name]

    def with_model(self, key_name: str | None, model: str) -> ModelAccount:
        """Return the account of a key for a model, by its first name."""
        return ModelAccount(self.of(key_name), self.prices.of(model))

    def restore(self, spent: Mapping[str | None, Spent]) -> None:
        """Count what keys spent before this server was started."""
        for key_name, amount in spent.items():
            self.of(key_name).spending.restore(amount)

    def check(self, key_name: str | None, now: float) -> None:
        """Check that a key may begin another session or request.

        Raises:
            BusyError: ``rate_limit_exceeded`` or ``insufficient_quota``; it says when it may.
        """
        account = self.of(key_name)
        if account.full:
            message = (
                f"Rate limit reached: {account.limits.max_sessions} sessions at once. "
                f"Close one, or try again in {SESSION_RETRY_S:g}s."
            )
            raise BusyError(
                message,
                code="rate_limit_exceeded",
                type="rate_limit_exceeded",
                retry_after_s=SESSION_RETRY_S,
            )
        if (beyond := account.exceeded(now)) is not None:
            raise refusal_of_limit(beyond)

    def _limits_of(self, key_name: str | None) -> Limits:
        key = self._keys.get(key_name or "")
        own = key.rate_limits if key is not None else None
        return own or self._config.rate_limits or Limits()


def refusal_of_limit(beyond: Beyond) -> BusyError:
    """Return the refusal of a session or a request that is beyond a limit."""
    failure = failure_of_limit(beyond)
    is_quota = isinstance(beyond, Overspent)
    return BusyError(
        failure.message,
        code="insufficient_quota" if is_quota else "rate_limit_exceeded",
        type=failure.type,
        retry_after_s=beyond.wait_s,
    )


def _bucket(name: RateLimitName, limit: int | None) -> TokenBucket | None:
    return None if limit is None else TokenBucket(name, limit)
