"""Pings to silent connections, in step, so that they do not each wake the process by themselves."""

from __future__ import annotations

from math import ceil

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

__all__ = ["PING_STEP_S", "WebSocketProtocol"]

PING_STEP_S = 1.0
"""Pings leave at whole multiples of this on the event loop's clock. However many connections there
are, the process then wakes up for them once in that time at most."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, with pings that wait for each other."""

    def start_keepalive(self) -> None:
        """Begin to ping. uvicorn calls this once, as soon as the connection is open."""
        # uvicorn would keep both halves of the handshake, 4 KiB, and has no more use for them.
        del self.request, self.response
        super().start_keepalive()

    def schedule_ping(self) -> None:
        """Ping at the first step after the interval. uvicorn calls this after each pong."""
        assert self.ping_interval is not None
        due_s = ceil((self.loop.time() + self.ping_interval) / PING_STEP_S) * PING_STEP_S
        self.ping_timer = self.loop.call_at(due_s, self.send_keepalive_ping)
