"""What is used of aiortc: its transports, without its media.

aiortc's senders and receivers of media take four times the processor time that a call needs, keep
a thread for each call, and delay speech by 80 ms. Its transports are sound, and leave media to
whoever is registered with them. So the layers are put together here as its own peer connection
does it, and RTP is handed over as it comes. The methods that begin with an underscore are not part
of its interface: the version is pinned to 1.16, and the tests of this package hold them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, cast

from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceTransport, RTCSctpTransport
from aiortc.rtcsctptransport import Chunk, SackChunk
from aiortc.utils import uint32_gt

from antiphon.transports.webrtc.ice import IceConnection

__all__ = ["MAX_HELD_CHUNKS", "MAX_STREAMS", "EventTransport", "SpeechTransport", "at_once"]

_log = logging.getLogger(__name__)

MAX_HELD_CHUNKS = 1024
"""Pieces of messages that wait for others. What browsers may send ahead, 1 MiB in pieces of a
datagram each, is fewer; a client that sends tiny ones could keep the server sorting them."""

MAX_STREAMS = 64
"""SCTP streams that a client may use. A data channel is one, and a call has one of those."""


class SpeechTransport(RTCDtlsTransport):
    """Encrypts and decrypts: DTLS, and SRTP by its keys."""

    def __init__(
        self,
        connection: IceConnection,
        certificate: RTCCertificate,
        *,
        role: str,
        on_rtp: Callable[[bytes], None],
        on_rtcp: Callable[[bytes], None],
    ) -> None:
        """Begin nothing yet.

        Args:
            connection: What to send and receive with.
            certificate: The server's, made for this call.
            role: ``client`` to begin the handshake, ``server`` to await it.
            on_rtp: Takes each packet of sound, decrypted.
            on_rtcp: Takes each report, decrypted.
        """
        super().__init__(cast("RTCIceTransport", _IcePipe(connection)), [certificate])
        self._set_role(role)
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp

    def send_media(self, packet: bytes) -> None:
        """Encrypt and send RTP or RTCP at once; unless it is connected, drop it."""
        with suppress(ConnectionError):
            at_once(self._send_rtp(packet))

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:  # noqa: ARG002
        self._on_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._on_rtcp(data)


class EventTransport(RTCSctpTransport):
    """Carries data channels: SCTP over DTLS.

    Clients hold keys that pages are given, so none is trusted: what breaks the rules of SCTP, or
    has the server hold or count more than any browser does, ends the call.
    """

    def __init__(self, transport: SpeechTransport) -> None:
        super().__init__(transport)
        self._acknowledged = asyncio.Event()

    async def drained(self) -> None:
        """Wait until the client has acknowledged all messages."""
        while self._data_channel_queue or self._outbound_queue or self._sent_queue:
            self._acknowledged.clear()
            await self._acknowledged.wait()

    async def _handle_data(self, data: bytes) -> None:
        try:
            await super()._handle_data(data)
            self._check_held()
        except Exception as error:
            # aiortc asserts, indexes and unpacks what clients send; this ends the call in order.
            _log.info("A call ends, since its client breaks the rules of SCTP: %r", error)
            message = "The client breaks the rules of SCTP."
            raise ConnectionError(message) from error

    async def _send_chunk(self, chunk: Chunk) -> None:
        # Timers and channels send from tasks of their own, which nobody awaits. That the connection
        # is gone is told where it is read from.
        with suppress(ConnectionError):
            await super()._send_chunk(chunk)

    async def _receive_sack_chunk(self, chunk: SackChunk) -> None:
        # One that is late may tell of more than is still unanswered; it is passed over.
        is_late = uint32_gt(self._last_sacked_tsn, chunk.cumulative_tsn)
        acknowledged = sum(last - first + 1 for first, last in chunk.gaps)
        if not is_late and acknowledged > len(self._sent_queue):
            message = f"{acknowledged} chunks acknowledged, {len(self._sent_queue)} sent"
            raise ConnectionError(message)
        await super()._receive_sack_chunk(chunk)
        self._acknowledged.set()

    def _check_held(self) -> None:
        streams = self._inbound_streams.values()
        incomplete = sum(len(stream.reassembly) for stream in streams)
        if (
            len(streams) > MAX_STREAMS
            or max(incomplete, len(self._sack_misordered)) > MAX_HELD_CHUNKS
            or self._advertised_rwnd < 0
        ):
            message = f"{len(streams)} streams, {incomplete} chunks, {self._advertised_rwnd} free"
            raise ConnectionError(message)


class _IcePipe:
    """A connection in the shape in which the DTLS transport wants it."""

    role = "controlled"

    def __init__(self, connection: IceConnection) -> None:
        self._connection = connection
        self._send = connection.send

    async def _recv(self) -> bytes:
        """Return the next datagram. Empty ones would end the call, and anybody can send them."""
        while not (datagram := await self._connection.recv()):
            pass
        return datagram


def at_once(sending: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits, without a task: sending a datagram is such.

    Raises:
        RuntimeError: It did wait.
    """
    try:
        sending.send(None)
    except StopIteration:
        return
    sending.close()
    message = f"{sending!r} waits, and was not awaited"
    raise RuntimeError(message)
