"""Connections that are no sessions: not more of them than there may be, and none for long.

A connection counts from when it is made until it becomes a WebSocket, which the bound on sessions
is for, or ends. Those beyond the bound are told to come back as soon as they say anything, and cut
off if they do not: keeping them open to be polite would be what the bound is to prevent.

uvicorn waits for a request as long as its client likes. Some hundred clients that send theirs
slowly, or not at all, would then be all that the server has room for, so they are given the time
that Apache gives them (mod_reqtimeout), and then cut off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from antiphon.errors import BusyError, RequestError
from antiphon.http.errors import answer_to

__all__ = ["BODY_S", "HEAD_S", "MAX_HEAD_BYTES", "MIN_BYTES_PER_S", "Lobby", "http_protocol"]

_log = logging.getLogger(__name__)

MAX_HEAD_BYTES = 32 << 10
"""Of a request, up to its body. The longest that this server needs is a client secret, 8 KiB."""

HEAD_S = 20.0
"""Until the head of a request has come."""

BODY_S = 20.0
"""Until its body has, but for what its length takes at the least rate."""

MIN_BYTES_PER_S = 500
"""Of a body. Speech on the phone has sixteen times as many."""

_RETRY_S = 5.0
_SILENCE_S = 1.0
"""How long a connection beyond the bound may be silent."""


class Lobby:
    """Counts the connections that are no sessions.

    Args:
        most: How many there may be.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._inside: set[object] = set()

    @property
    def full(self) -> bool:
        """Whether there may be no more."""
        return len(self._inside) >= self.most

    def __len__(self) -> int:
        return len(self._inside)

    def enter(self, connection: object) -> None:
        """Count a connection."""
        self._inside.add(connection)

    def leave(self, connection: object) -> None:
        """Count it no longer, if it was."""
        self._inside.discard(connection)


def http_protocol(lobby: Lobby) -> Callable[..., asyncio.Protocol]:
    """Return what makes uvicorn's side of a connection, counted in a lobby."""

    def make(**kwargs: Any) -> asyncio.Protocol:  # noqa: ANN401 (as uvicorn has them)
        return _HttpProtocol(lobby, **kwargs)

    return make


class _HttpProtocol(H11Protocol):
    """uvicorn's HTTP protocol, for connections that a lobby has room for."""

    def __init__(self, lobby: Lobby, **kwargs: Any) -> None:  # noqa: ANN401 (as uvicorn has them)
        super().__init__(**kwargs)
        self._lobby = lobby
        self._turned_away: asyncio.TimerHandle | None = None
        self._awaited: type[h11.IDLE | h11.SEND_BODY] | None = None
        self._since_s = 0.0
        self._received_bytes = 0
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(transport)
        if self._lobby.full:
            self._turned_away = self.loop.call_later(_SILENCE_S, transport.abort)
        else:
            self._lobby.enter(self)
            self._await_client()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that a connection has ended."""
        self._lobby.leave(self)
        if self._turned_away is not None:
            self._turned_away.cancel()
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client has sent."""
        if self._turned_away is not None:
            self._turn_away()
        else:
            self._received_bytes += len(data)
            super().data_received(data)
            self._await_client()

    def on_response_complete(self) -> None:
        """Go on with the next request, if there is to be one."""
        super().on_response_complete()
        self._await_client()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over to who serves WebSockets."""
        self._lobby.leave(self)
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def _await_client(self) -> None:
        """Begin to count the time, if the client is to send something else than before."""
        state = self.conn.their_state
        awaited = state if state in (h11.IDLE, h11.SEND_BODY) else None
        if awaited is self._awaited or self._is_over():
            return
        self._stop_waiting()
        self._awaited = awaited
        if awaited is not None:
            self._since_s, self._received_bytes = self.loop.time(), 0
            self._patience = self.loop.call_later(
                HEAD_S if awaited is h11.IDLE else BODY_S, self._lose_patience
            )

    def _is_over(self) -> bool:
        """Whether no request will come here any more."""
        return self.transport.is_closing() or self.transport.get_protocol() is not self

    def _stop_waiting(self) -> None:
        self._awaited = None
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        """Cut the client off, unless it has been sending fast enough."""
        if self._awaited is h11.SEND_BODY:
            if self.flow.read_paused:  # it is the server that takes its time
                self._since_s = self.loop.time()
            due_s = self._since_s + BODY_S + self._received_bytes / MIN_BYTES_PER_S
            if due_s > self.loop.time():
                self._patience = self.loop.call_at(due_s, self._lose_patience)
                return
        _log.info("a client was cut off that sent its request too slowly, or none")
        if not self._can_be_told():
            self.transport.abort()
            return
        if self._awaited is h11.SEND_BODY:
            self.cycle.disconnected = True  # for whoever reads the body
            self.cycle.message_event.set()
        message = (
            f"The request was sent too slowly: its head has to come within {HEAD_S:g} s, its body "
            f"within {BODY_S:g} s and one more for each {MIN_BYTES_PER_S} bytes."
        )
        self._refuse(RequestError(message, code="request_timeout"))

    def _can_be_told(self) -> bool:
        """Whether the client has begun with a request, and has had nothing of an answer yet."""
        if self._awaited is h11.SEND_BODY:
            return not self.cycle.response_started
        return bool(self.conn.trailing_data[0])

    def _turn_away(self) -> None:
        """Say that there is no room, and close. Whatever the request is, this is its answer."""
        message = (
            f"{self._lobby.most} connections are open that are no sessions, and there may be no "
            f"more. Try again in {_RETRY_S:g} seconds."
        )
        self._refuse(
            BusyError(message, code="server_busy", type="server_error", retry_after_s=_RETRY_S)
        )

    def _refuse(self, error: RequestError) -> None:
        """Answer that a request is refused, and close."""
        if self.transport.is_closing():
            return
        answer = answer_to(error)
        head = h11.Response(
            status_code=answer.status_code, headers=[*answer.raw_headers, (b"connection", b"close")]
        )
        body = h11.Data(data=bytes(answer.body))
        for event in (head, body, h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
