"""Reports of how a call goes, once a second in each direction: RTCP, RFC 3550, section 6.

The client learns from them how much of its speech is lost, and adds redundancy; we learn the same.
"""

from __future__ import annotations

from aiortc import clock
from aiortc.rtp import (
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)

from antiphon.transports.webrtc.rtp import RtpPacket, rtp_steps

__all__ = ["REPORT_INTERVAL_FRAMES", "Reports"]

REPORT_INTERVAL_FRAMES = 50
"""A report goes out with every so many frames that are sent: once a second."""

_NAME_ITEM = 1  # CNAME: RFC 3550, section 6.5.1
_MAX_LOST = 0x7F_FFFF  # what the field holds, 24 bits with sign


class Reports:
    """Keeps count of both directions of one call."""

    def __init__(self, source: int, name: str) -> None:
        """Begin to count.

        Args:
            source: The stream that is sent (SSRC).
            name: What the sender is called (CNAME), in its answer too.
        """
        self._source = source
        self._name = name.encode()
        self._sent_packets = 0
        self._sent_bytes = 0
        self._sent_timestamp = 0
        self._heard: _Heard | None = None

    def sent(self, payload: bytes, timestamp: int) -> None:
        """Count a packet that was sent."""
        self._sent_packets += 1
        self._sent_bytes += len(payload)
        self._sent_timestamp = timestamp & 0xFFFF_FFFF

    def received(self, packet: RtpPacket) -> None:
        """Count a packet that has come."""
        if self._heard is None or self._heard.source != packet.source:
            self._heard = _Heard(packet)
        self._heard.count(packet)

    def write(self, jitter: int, now_s: float) -> bytes:
        """Return the report that is due.

        Args:
            jitter: How unevenly packets arrive, in units of their encoding's clock.
            now_s: On the clock that ``read`` is given.
        """
        info = RtcpSenderInfo(
            ntp_timestamp=clock.current_ntp_time(),
            rtp_timestamp=self._sent_timestamp,
            packet_count=self._sent_packets & 0xFFFF_FFFF,
            octet_count=self._sent_bytes & 0xFFFF_FFFF,
        )
        reports = [self._heard.report(jitter, now_s)] if self._heard else []
        sender = RtcpSrPacket(ssrc=self._source, sender_info=info, reports=reports)
        name = RtcpSourceInfo(ssrc=self._source, items=[(_NAME_ITEM, self._name)])
        return bytes(sender) + bytes(RtcpSdesPacket(chunks=[name]))

    def read(self, report: bytes, now_s: float) -> float | None:
        """Take a report of the client's.

        Returns:
            The share of what was sent lately that was lost, 0 to 1; ``None`` if it does not say.

        Raises:
            ValueError: It is none.
        """
        lost = None
        for packet in RtcpPacket.parse(report):
            if isinstance(packet, RtcpSrPacket) and self._heard is not None:
                self._heard.heard_report(packet, now_s)
            if isinstance(packet, RtcpSrPacket | RtcpRrPacket):
                for block in packet.reports:
                    if block.ssrc == self._source:
                        lost = block.fraction_lost / 256
        return lost


class _Heard:
    """Counts what has come of one stream: RFC 3550, appendix A.3."""

    def __init__(self, first: RtpPacket) -> None:
        self.source = first.source
        self._first_sequence = self._last_sequence = first.sequence  # beyond 16 bits, as it goes on
        self._packets = 0
        self._reported_packets = 0
        self._reported_expected = 0
        self._report_ntp = 0
        self._report_s = 0.0

    def count(self, packet: RtpPacket) -> None:
        self._packets += 1
        steps = rtp_steps(self._last_sequence & 0xFFFF, packet.sequence, bits=16)
        self._last_sequence += max(steps, 0)

    def heard_report(self, packet: RtcpSrPacket, now_s: float) -> None:
        if packet.ssrc == self.source:
            self._report_ntp = (packet.sender_info.ntp_timestamp >> 16) & 0xFFFF_FFFF
            self._report_s = now_s

    def report(self, jitter: int, now_s: float) -> RtcpReceiverInfo:
        expected = self._last_sequence - self._first_sequence + 1
        lately_expected = expected - self._reported_expected
        lately_lost = lately_expected - (self._packets - self._reported_packets)
        self._reported_expected, self._reported_packets = expected, self._packets
        share = lately_lost / lately_expected if lately_lost > 0 and lately_expected > 0 else 0.0
        since_s = now_s - self._report_s if self._report_ntp else 0.0
        return RtcpReceiverInfo(
            ssrc=self.source,
            fraction_lost=min(int(share * 256), 255),
            packets_lost=max(-_MAX_LOST, min(expected - self._packets, _MAX_LOST)),
            highest_sequence=self._last_sequence & 0xFFFF_FFFF,
            jitter=min(jitter, 0xFFFF_FFFF),
            lsr=self._report_ntp,
            dlsr=min(int(since_s * 65_536), 0xFFFF_FFFF),
        )
