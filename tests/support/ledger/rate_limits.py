"""What a client is told of its limits, and what it works out of them by itself."""

from collections.abc import Callable, Sequence
from math import floor
from typing import NamedTuple

from tests.support.ledger.frames import Frame

__all__ = ["LimitAccount"]

_MINUTE_S = 60.0
_ROUNDING_S = 0.001
_NOISE = 1e-4
"""Of sums of binary fractions, in requests or tokens."""

_EXCEEDED = "inference_rate_limit_exceeded"


class _Use(NamedTuple):
    """What was taken from the limits at one time."""

    at_s: float
    name: str
    amount: int


class LimitAccount:
    """The limits of the key that opened a session.

    Whether there are any shows when the first response has ended: either the end of every response
    is followed by how they stand, or the end of none is.

    Args:
        clock: Tells the time in seconds, if no other session uses the key: what is told can then be
            worked out. Limits refill continuously, and hold a minute's worth at the beginning.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._uses: list[_Use] = []
        self._was_refused = False
        self._are_told: bool | None = None
        self._is_due = False
        self._limits: dict[str, int] | None = None

    def follow(self, kind: str) -> None:
        """Take the type of the next frame.

        Raises:
            AssertionError: It is not the time for it.
        """
        is_told = kind == "rate_limits.updated"
        if self._is_due and self._are_told is None:
            self._are_told = is_told
        assert is_told == (self._is_due and self._are_told), "limits are told as responses end"
        self._is_due = kind == "response.done"

    def create_response(self) -> None:
        """Note that a response has been asked for."""
        if self._clock is not None:
            self._uses.append(_Use(self._clock(), "requests", 1))

    def end_response(self, response: Frame) -> None:
        """Take the end of a response."""
        error = (response["status_details"] or {}).get("error") or {}
        self._was_refused = error.get("code") == _EXCEEDED
        if self._clock is None:
            return
        if self._was_refused:
            self._uses.pop()  # it ends as soon as it is created, and counts for nothing
        else:
            used = response["usage"]["total_tokens"]
            self._uses.append(_Use(self._clock(), "tokens", used))

    def read(self, figures: Sequence[Frame]) -> None:
        """Take how the limits stand.

        Raises:
            AssertionError: They cannot stand so.
        """
        limits = {figure["name"]: figure["limit"] for figure in figures}
        assert limits
        assert limits.keys() <= {"requests", "tokens"}
        assert len(limits) == len(figures), "each limit is told once"
        assert self._limits in (None, limits), "limits do not change"
        self._limits = limits
        for figure in figures:
            missing = figure["limit"] - figure["remaining"]
            assert 0 <= figure["remaining"] <= figure["limit"]
            if figure["remaining"]:
                per_s = figure["limit"] / _MINUTE_S
                refill, slack = figure["reset_seconds"] * per_s, _ROUNDING_S * per_s
                assert missing - 1 - slack <= refill <= missing + slack
        if self._clock is not None:
            self._check(figures, self._clock())

    def _check(self, figures: Sequence[Frame], now_s: float) -> None:
        """Work out how the limits stand, and compare."""
        levels = {figure["name"]: self._level(figure, now_s) for figure in figures}
        if self._was_refused:
            assert min(levels.values()) < 1 + _NOISE, "there was enough left"
        for figure in figures:
            limit, level = figure["limit"], levels[figure["name"]]
            full_in_s = (limit - level) * _MINUTE_S / limit
            assert abs(figure["reset_seconds"] - full_in_s) <= 2 * _ROUNDING_S
            floors = {floor(level - _NOISE), floor(level + _NOISE)}
            assert figure["remaining"] in {max(0, one) for one in floors}

    def _level(self, figure: Frame, now_s: float) -> float:
        limit, as_of_s = figure["limit"], 0.0
        level = float(limit)
        for use in [*self._uses, _Use(now_s, "nothing", 0)]:
            level = min(limit, level + (use.at_s - as_of_s) * limit / _MINUTE_S)
            as_of_s = use.at_s
            if use.name == "requests":
                assert level >= 1 - _NOISE, "a response was begun beyond the limit"
            if use.name == figure["name"]:
                level -= use.amount
        return level
