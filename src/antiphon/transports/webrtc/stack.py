"""What is used of aiortc: its transports, without its media.

aiortc's senders and receivers of media take four times the processor time that a call needs, keep
a thread for each call, and delay speech by 80 ms. Its transports are sound, and leave media to
whoever is registered with them. So the layers are put together here as its own peer connection
does it, and RTP is handed over as it comes. The methods that begin with an underscore are not part
of its interface: the version is pinned to 1.16, and the tests of this package hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, cast

from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceTransport, RTCSctpTransport
from aiortc.rtcsctptransport import Chunk, DataChunk

from antiphon.transports.webrtc.ice import IceConnection

__all__ = ["EventTransport", "SpeechTransport", "at_once"]


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
    """Carries data channels: SCTP over DTLS."""

    async def _send_chunk(self, chunk: Chunk) -> None:
        # Timers and channels send from tasks of their own, which nobody awaits. That the connection
        # is gone is told where it is read from.
        with suppress(ConnectionError):
            await super()._send_chunk(chunk)

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        if len(chunk.user_data) > self._advertised_rwnd:
            message = "The client sends more than it was told that there is room for."
            raise ConnectionError(message)
        await super()._receive_data_chunk(chunk)


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
