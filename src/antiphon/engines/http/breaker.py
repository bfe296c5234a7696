"""A circuit breaker: whoever has failed several times in a row is left alone for a while.

Waiting for a server that is down costs every caller the whole time limit. With the circuit open,
requests fail at once, so that a fallback can take them over; after a rest, one request is let
through to find out whether the server is back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

__all__ = ["Circuit", "CircuitBreaker"]


class Circuit(Enum):
    """Whether requests get through."""

    CLOSED = "closed"
    """They do."""
    OPEN = "open"
    """They do not."""
    HALF_OPEN = "half open"
    """One does, and what comes of it is not known yet."""


class CircuitBreaker:
    """Counts failures in a row. Each request that was admitted reports what came of it.

    Args:
        failures_in_a_row: How many open the circuit.
        rest_s: How long it stays open.
        clock: Monotonic time, in seconds.

    Attributes:
        circuit: Whether requests get through.
    """

    def __init__(
        self, failures_in_a_row: int, rest_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.circuit = Circuit.CLOSED
        self._failures_in_a_row = failures_in_a_row
        self._rest_s = rest_s
        self._clock = clock
        self._failures = 0
        self._open_until_s = 0.0

    def admit(self) -> bool:
        """Whether a request may be sent."""
        if self.circuit is Circuit.OPEN and self._clock() >= self._open_until_s:
            self.circuit = Circuit.HALF_OPEN
            return True
        return self.circuit is Circuit.CLOSED

    def answered(self) -> None:
        """Note that the server has begun to answer: it is not down."""
        if self.circuit is Circuit.HALF_OPEN:
            self.circuit = Circuit.CLOSED
            self._failures = self._failures_in_a_row - 1  # on probation until it finishes something

    def succeeded(self) -> None:
        """Note that the server has done what it was asked."""
        self._failures = 0

    def failed(self) -> None:
        """Note that the server did not answer, or broke off."""
        self._failures += 1
        if self.circuit is Circuit.HALF_OPEN or self._failures >= self._failures_in_a_row:
            self._open_for(self._rest_s)

    def abandoned(self) -> None:
        """Note that nobody will know what the server would have answered."""
        if self.circuit is Circuit.HALF_OPEN:
            self._open_for(0)

    def _open_for(self, rest_s: float) -> None:
        self.circuit = Circuit.OPEN
        self._open_until_s = self._clock() + rest_s
