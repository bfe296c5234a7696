"""What responses cost, and what has been spent of a budget.

Sums are kept in millionths of the currency, as integers: a million small costs add up exactly.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import NamedTuple

from antiphon.config import Limits, Price
from antiphon.core.rate_limits import Overspent
from antiphon.wire.response import RealtimeResponseUsage

__all__ = ["MICROS", "Prices", "Spending", "Spent", "cost_micros", "month_and_day"]

MICROS = 1_000_000
"""In one unit of the currency. Also the tokens that a price is for."""


def cost_micros(usage: RealtimeResponseUsage, price: Price) -> int:
    """Return what a response cost, in millionths of the currency.

    Tokens that its details do not account for cost as text.
    """
    read, written = usage.input_token_details, usage.output_token_details
    cached = read.cached_tokens_details
    text, audio, images = read.text_tokens, read.audio_tokens, read.image_tokens
    text += max(0, usage.input_tokens - text - audio - images)
    silent = max(0, usage.output_tokens - written.audio_tokens)
    audio_input = _or(price.audio_input, price.input)
    image_input = _or(price.image_input, price.input)
    return round(
        _of_kind(text, cached.text_tokens, price.input, price.cached_input)
        + _of_kind(audio, cached.audio_tokens, audio_input, price.cached_audio_input)
        + _of_kind(images, cached.image_tokens, image_input, price.cached_image_input)
        + silent * price.output
        + written.audio_tokens * _or(price.audio_output, price.output)
    )


def _of_kind(tokens: int, cached: int, price: float, cached_price: float | None) -> float:
    cached = min(cached, tokens)  # they are counted among the others
    return (tokens - cached) * price + cached * _or(cached_price, price)


def _or(price: float | None, otherwise: float) -> float:
    return otherwise if price is None else price


class Prices:
    """What models cost, by the names that the operator has for them.

    Args:
        prices: By name or pattern; the first that fits holds.
    """

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._prices = prices

    def of(self, model: str) -> Price | None:
        """Return what a model costs, by its first name; ``None`` if nobody has said so."""
        fitting = (price for name, price in self._prices.items() if fnmatchcase(model, name))
        return self._prices.get(model) or next(fitting, None)

    def cost_micros(self, model: str, usage: RealtimeResponseUsage | None) -> int | None:
        """Return what a response cost, in millionths of the currency; ``None`` without a price."""
        price = self.of(model)
        return None if price is None or usage is None else cost_micros(usage, price)


class Spent(NamedTuple):
    """What has been spent, in millionths of the currency.

    Attributes:
        day_micros: Since midnight, UTC.
        month_micros: Since the first of the month.
    """

    day_micros: int = 0
    month_micros: int = 0


class Spending:
    """What one key has spent in the day and in the month that it is.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        # Not only of today: a clock that is put back finds again what it has left behind.
        self._by_day: Counter[datetime] = Counter()
        self._by_month: Counter[datetime] = Counter()

    @property
    def spent(self) -> Spent:
        """What has been spent so far."""
        month, day = month_and_day(self._clock())
        return Spent(self._by_day[day], self._by_month[month])

    def add(self, micros: int) -> None:
        """Count a cost."""
        self.restore(Spent(micros, micros))

    def restore(self, spent: Spent) -> None:
        """Count what was spent before, such as by a server that has ended since."""
        month, day = month_and_day(self._clock())
        self._by_day[day] += spent.day_micros
        self._by_month[month] += spent.month_micros

    def exceeded(self, limits: Limits, currency: str) -> Overspent | None:
        """Return which limit has been reached, if any; of both, the one that holds longer."""
        now_s = self._clock()
        month, day = month_and_day(now_s)
        now = datetime.fromtimestamp(now_s, UTC)
        of_month, of_day = self._by_month[month], self._by_day[day]
        if limits.spend_per_month is not None and of_month >= limits.spend_per_month * MICROS:
            wait_s = (_next_month(month) - now).total_seconds()
            return Overspent("month", limits.spend_per_month, currency, wait_s)
        if limits.spend_per_day is not None and of_day >= limits.spend_per_day * MICROS:
            wait_s = (day + timedelta(days=1) - now).total_seconds()
            return Overspent("day", limits.spend_per_day, currency, wait_s)
        return None


def month_and_day(now_s: float) -> tuple[datetime, datetime]:
    """Return when the month and the day began that it is, in UTC.

    Args:
        now_s: Seconds since 1970.
    """
    now = datetime.fromtimestamp(now_s, UTC)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return day.replace(day=1), day


def _next_month(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)
