"""WebSockets as they are kept: small while silent, and bounded in what clients make of them."""

from __future__ import annotations

from math import ceil
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from antiphon.http.waiting import Gate, Inbox

__all__ = ["MAX_FRAGMENTS", "PING_STEP_S", "WebSocketProtocol"]

MAX_FRAGMENTS = 4096
"""Frames that a message may come in. Empty ones would never make it too large, and be kept all the
same."""

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

    def handle_cont(self, event: Frame) -> None:
        """Take a further frame of a message."""
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(1009, f"A message came in more than {MAX_FRAGMENTS} frames.")
            self.handle_parser_exception()

    def handle_ping(self) -> None:
        """Answer a ping, unless the client does not read what it is sent.

        Then what waits for it would grow with each. One of the pings may go without an answer of
        its own as long as a later one has one (RFC 6455, 5.5.3).
        """
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def schedule_ping(self) -> None:
        """Ping at the first step after the interval. uvicorn calls this after each pong."""
        assert self.ping_interval is not None
        due_s = ceil((self.loop.time() + self.ping_interval) / PING_STEP_S) * PING_STEP_S
        self.ping_timer = self.loop.call_at(due_s, self.send_keepalive_ping)
