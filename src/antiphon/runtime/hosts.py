"""What a transport knows of the owner of a session, whoever works the answers out."""

from __future__ import annotations

from typing import Protocol

from antiphon.engines.base import Floats
from antiphon.errors import RequestError
from antiphon.runtime.outbox import Outbox
from antiphon.runtime.playback import Player

__all__ = [
    "CLIENT_TOO_SLOW",
    "CLOSE_TIMEOUT_S",
    "SERVER_ENDS",
    "SERVER_FAILED",
    "CallHost",
    "CloseReason",
    "SessionHost",
    "flush_timeout_s",
]

CloseReason = tuple[int, str]
"""WebSocket close code and text."""

SERVER_ENDS: CloseReason = (1001, "The server is shutting down.")
SERVER_FAILED: CloseReason = (1011, "The server made a mistake.")
CLIENT_TOO_SLOW: CloseReason = (1013, "The client does not read what it is sent.")

CLOSE_TIMEOUT_S = 5.0
"""How long a client may take to read the last of what it is sent, the reason included."""

FLUSH_TIMEOUT_S = 30.0
"""The same for a session that ends as the client asked, all output included: what may wait in the
outbox sounds for 16 s, and a client may read no faster than it plays."""

_AS_ASKED = 1000  # close code


class SessionHost(Protocol):
    """The owner of one session.

    Attributes:
        outbox: What the transport is to send.
        closing: Set once the connection is to be closed after what is in the outbox.
    """

    outbox: Outbox
    closing: CloseReason | None

    @property
    def session_id(self) -> str:
        """The session's id, as the client knows it or will know it."""
        ...

    def receive(self, frame: str | bytes) -> None:
        """Take one frame from the client."""
        ...

    def refuse(self, error: RequestError) -> None:
        """Tell the client that a frame cannot be taken at all."""
        ...

    async def ready(self) -> None:
        """Wait until it can take another frame."""
        ...

    def end(self, reason: CloseReason) -> None:
        """Close the connection after what is in the outbox: the operator wants it."""
        ...

    def close(self) -> None:
        """Take no more to send: the connection is over, or about to be."""
        ...


class CallHost(SessionHost, Protocol):
    """The owner of a session that is held as a call: sound comes and goes beside the events."""

    @property
    def player(self) -> Player | None:
        """Plays the answers; always there in a call."""
        ...

    def listen(self, samples: Floats) -> None:
        """Hear what came as sound: shape (n,), float32 at 16 kHz."""
        ...


def flush_timeout_s(code: int) -> float:
    """Return how long a client may take to read the rest, by the code with which it is closed."""
    return FLUSH_TIMEOUT_S if code == _AS_ASKED else CLOSE_TIMEOUT_S
