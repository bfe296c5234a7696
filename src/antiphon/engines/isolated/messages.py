"""What the two processes of an isolated engine say to each other.

The child begins with what its engine is and can do, or the error that it could not be loaded with.
From then on messages are pairs: the number of a request, and what is said of it. ``None``, by the
parent, ends the child.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from antiphon.engines.base import Role
from antiphon.errors import Stage

__all__ = ["STAGES", "WINDOW", "Mark", "Request"]

WINDOW = 32
"""How many events the child may be ahead of their reader, for each request."""

STAGES: dict[Role, Stage] = {
    "transcriber": "transcribe",
    "language_model": "generate",
    "synthesizer": "synthesize",
}
"""The roles whose engines can be isolated, and what these do when they fail."""


class Mark(Enum):
    """What is said of a request besides its events."""

    END = "end"
    """By the child: nothing more will come."""
    STOP = "stop"
    """By the parent: nothing more is wanted."""
    TAKEN = "taken"
    """By the parent: an event was taken."""


class Request(NamedTuple):
    """What the engine is asked to do."""

    method: str
    arguments: tuple[Any, ...]
