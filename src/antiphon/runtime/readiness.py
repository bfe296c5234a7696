"""Whether new clients should be sent to a server, and what stands against it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Literal

from msgspec import Struct

__all__ = ["Obstacle", "Phase", "Readiness", "Weight"]


class Phase(Enum):
    """Where a server is in its life."""

    LOADING = "loading"
    """Engines are loaded and read what their sessions are told before all else."""
    SERVING = "serving"
    DRAINING = "draining"
    """No more sessions are admitted; those that are open may go on for a while."""


Weight = Literal["blocks", "warns"]
"""Whether new clients had better go elsewhere, or the operator had better look."""


class Obstacle(Struct, frozen=True, kw_only=True):
    """Something that is not as it should be.

    Attributes:
        code: What it is, for programs: ``server_full``.
        message: What it is, for people.
        weight: What follows from it.
    """

    code: str
    message: str
    weight: Weight = "blocks"


_OF_PHASE = {
    Phase.LOADING: Obstacle(code="server_loading", message="The engines are not loaded yet."),
    Phase.DRAINING: Obstacle(
        code="server_draining", message="The server is about to end, and admits nobody any more."
    ),
}


class Readiness:
    """What a server's readiness depends on. Asked when somebody wants to know, and only then.

    Attributes:
        phase: Where the server is in its life. Whoever takes it further sets it.
    """

    def __init__(self, phase: Phase = Phase.LOADING) -> None:
        self.phase = phase
        self._checks: list[Callable[[], Obstacle | None]] = []

    def depend_on(self, check: Callable[[], Obstacle | None]) -> None:
        """Have one more part of the server asked.

        Args:
            check: Returns what is not as it should be there, at once.
        """
        self._checks.append(check)

    def obstacles(self) -> list[Obstacle]:
        """Return all that is not as it should be, the server's phase first."""
        found = [_OF_PHASE.get(self.phase), *(check() for check in self._checks)]
        return [one for one in found if one is not None]

    @property
    def ready(self) -> bool:
        """Whether new clients should be sent here."""
        return not any(one.weight == "blocks" for one in self.obstacles())
