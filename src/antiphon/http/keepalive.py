"""Silent connections: pinged in step, not to wake the process for each of them, and kept small."""

from __future__ import annotations

from math import ceil
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from antiphon.http.waiting import Gate, Inbox

__all__ = ["PING_STEP_S", "WebSocketProtocol"]

PING_STEP_S = 1.0
"""Pings leave at whole multiples of this on the event loop's clock. However many connections there
are, the process then wakes up for them once in that time at most."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, with pings that wait for each other, and half the memory.

    A connection is Antiphon's application's alone, which reads with one task and has no use for
    the request's headers once it has accepted.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (as uvicorn has them)
        super().__init__(*args, **kwargs)
        self.queue = Inbox()  # type: ignore[assignment]
        self.writable = Gate()  # type: ignore[assignment]

    def start_keepalive(self) -> None:
        """Begin to ping. uvicorn calls this once, as soon as the connection is open."""
        # uvicorn, websockets and the scope would keep it all, 4 KiB and more.
        self.request.headers.clear()
        self.scope["headers"].clear()  # type: ignore[attr-defined]
        del self.request, self.response
        super().start_keepalive()

    def schedule_ping(self) -> None:
        """Ping at the first step after the interval. uvicorn calls this after each pong."""
        assert self.ping_interval is not None
        due_s = ceil((self.loop.time() + self.ping_interval) / PING_STEP_S) * PING_STEP_S
        self.ping_timer = self.loop.call_at(due_s, self.send_keepalive_ping)
