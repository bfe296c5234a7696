"""The data channel that carries a call's events, as JSON in text."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from enum import Enum, auto

from aiortc import RTCDataChannel

from antiphon.transports.webrtc.peer import EVENT_CHANNEL

__all__ = ["MAX_REFUSED_CHANNELS", "MAX_WAITING_BYTES", "EventChannel"]

_log = logging.getLogger(__name__)

MAX_WAITING_BYTES = 1 << 20
"""What may wait for the client: until it has opened the channel, and until it has taken it. The
call of a client that lets more gather is ended."""

MAX_REFUSED_CHANNELS = 8
"""Channels with other names are closed; the call of a client that goes on opening them is ended."""


class _State(Enum):
    AWAITED = auto()
    OPEN = auto()
    CLOSED = auto()


class EventChannel:
    """What goes over a call's channel, whether it is open yet or not."""

    def __init__(
        self,
        max_message_bytes: int,
        on_message: Callable[[str], None],
        end: Callable[[str], None],
    ) -> None:
        """Await the client's channel.

        Args:
            max_message_bytes: Longest message that the client takes; 0 for any.
            on_message: Takes the client's messages.
            end: Ends the call, for the reason that it is given.
        """
        self._state = _State.AWAITED
        self._max_message_bytes = max_message_bytes
        self._on_message = on_message
        self._end = end
        self._channel: RTCDataChannel | None = None
        self._held: deque[str] = deque()
        self._held_bytes = 0
        self._refused_channels = 0

    def offer(self, channel: RTCDataChannel) -> None:
        """Take a channel that the client has opened, if it is the one."""
        if channel.label != EVENT_CHANNEL or self._state is not _State.AWAITED:
            self._refused_channels += 1
            _log.info("A data channel named %.64r was refused", channel.label)
            channel.close()
            if self._refused_channels > MAX_REFUSED_CHANNELS:
                self._end(f"the client opened more than {MAX_REFUSED_CHANNELS} needless channels")
            return
        self._channel = channel
        self._state = _State.OPEN
        channel.on("message", self._take)
        channel.on("close", lambda: self._end(f"the client closed the channel {EVENT_CHANNEL}"))
        while self._held:
            channel.send(self._held.popleft())

    def send(self, text: str) -> None:
        """Send a message, or hold it until the channel is open."""
        size = len(text.encode())
        if self._max_message_bytes and size > self._max_message_bytes:
            _log.warning(
                "A message of %d bytes was dropped: the client takes %d at most",
                size,
                self._max_message_bytes,
            )
            return
        if self._state is _State.AWAITED:
            self._held.append(text)
            self._held_bytes += size
            if self._held_bytes > MAX_WAITING_BYTES:
                self._end(f"the client did not open the channel {EVENT_CHANNEL}")
        elif self._channel is not None and self._channel.readyState == "open":
            self._channel.send(text)
            if self._channel.bufferedAmount > MAX_WAITING_BYTES:
                self._end(f"the client left more than {MAX_WAITING_BYTES} bytes of events waiting")

    def close(self) -> None:
        """Send and take nothing any more."""
        self._state = _State.CLOSED
        self._held.clear()
        if self._channel is not None:
            self._channel.remove_all_listeners()
            self._channel = None

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            _log.info("A binary message of %d bytes was ignored", len(message))
        elif self._state is _State.OPEN:
            self._on_message(message)
