"""What the machine has to spare for guesses: work that turns out to be needed only perhaps.

A guess (words or an answer worked out before a turn is confirmed) is done only while there is room
beside the work that is needed, and gives way at once when that grows: a guess must never make
somebody else's answer late. What gave way is done again if it is needed after all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

import anyio

from antiphon.engines.base import EngineInfo

__all__ = ["Claim", "Machines", "Seat", "Spare", "default_seats"]

_SEATS_ELSEWHERE = 256
"""How much other machines can do at once is theirs to know, and to refuse."""


def default_seats() -> int:
    """Return how many pieces of work fit on this machine before guesses make them slower.

    Engines in this process compute with two threads or so each.
    """
    return max(1, (os.cpu_count() or 1) // 2)


class Claim(Enum):
    """What a piece of work under way may ask of the machine."""

    GUESS = "guess"
    """It may have to give way."""
    NEEDED = "needed"
    GAVE_WAY = "gave way"
    """It was a guess, and has been stopped; its task may take a moment to end."""


@dataclass(eq=False)
class Seat:
    """One piece of work under way.

    Attributes:
        scope: Stops it.
        claim: Whether it is needed.
    """

    scope: anyio.CancelScope
    claim: Claim


class Spare:
    """All work of a process that engines do for sessions.

    Args:
        seats: How many pieces of work may run before guesses give way.
    """

    def __init__(self, seats: int | None = None) -> None:
        self._limit = default_seats() if seats is None else seats
        self._seats: list[Seat] = []
        self._waiting: dict[Callable[[], None], None] = {}  # in order of arrival

    @property
    def has_room(self) -> bool:
        """Whether a guess may start."""
        return len(self._seats) < self._limit

    @property
    def is_busy(self) -> bool:
        """Whether work that is needed leaves no room for any guess."""
        return sum(seat.claim is Claim.NEEDED for seat in self._seats) >= self._limit

    @contextmanager
    def seat(self, scope: anyio.CancelScope, *, needed: bool) -> Iterator[Seat]:
        """Count a piece of work as long as the context is open.

        Args:
            scope: Stops the work, should it have to give way.
            needed: Whether it is needed. If not, it should only be begun while there is room.
        """
        taken = Seat(scope, Claim.NEEDED if needed else Claim.GUESS)
        self._seats.append(taken)
        self._make_room()
        try:
            yield taken
        finally:
            self._seats.remove(taken)
            self._offer_room()

    def wait_for_room(self, start: Callable[[], None]) -> None:
        """Have a guess started as soon as there is room for it."""
        self._waiting[start] = None

    def wait_no_more(self, start: Callable[[], None]) -> None:
        """Forget a guess that waits for room, if it does: it is needed, or not wanted any more."""
        self._waiting.pop(start, None)

    def claim(self, seat: Seat) -> None:
        """Note that a guess has turned out to be needed."""
        seat.claim = Claim.NEEDED
        self._make_room()

    def _make_room(self) -> None:
        """Stop the newest guesses, as long as there is more work than fits."""
        staying = [seat for seat in self._seats if seat.claim is not Claim.GAVE_WAY]
        guesses = [seat for seat in staying if seat.claim is Claim.GUESS]
        for _ in range(min(len(staying) - self._limit, len(guesses))):
            newest = guesses.pop()
            newest.claim = Claim.GAVE_WAY
            newest.scope.cancel()

    def _offer_room(self) -> None:
        """Start one guess that waits; its seat, when it is free again, will be offered in turn."""
        if self._waiting and self.has_room:
            start = next(iter(self._waiting))
            del self._waiting[start]
            start()


class Machines:
    """Where a process has work done.

    Attributes:
        here: What this machine has to spare.
        elsewhere: What the machines have to spare that engines of the network compute on.
    """

    def __init__(self) -> None:
        self.here = Spare()
        self.elsewhere = Spare(_SEATS_ELSEWHERE)

    def doing(self, *engines: EngineInfo) -> Spare:
        """Return what there is to spare where these engines compute together."""
        return self.elsewhere if all(engine.remote for engine in engines) else self.here
