"""RTP packets: RFC 3550, section 5.1, as far as a call of speech needs it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["RtpFormatError", "RtpPacket", "parse_rtp", "rtp_packet", "rtp_steps"]

_HEADER = struct.Struct("!BBHLL")
_VERSION_BITS = 0x80  # version 2, no padding, no extension, no contributing sources
_PADDING_BIT, _EXTENSION_BIT, _SOURCES_BITS, _MARKER_BIT = 0x20, 0x10, 0x0F, 0x80


class RtpFormatError(ValueError):
    """Bytes are not an RTP packet."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet that has come.

    Attributes:
        payload_type: Which encoding, as the answer has numbered them.
        sequence: Its number, 16 bits.
        timestamp: When its first sample was taken, in the encoding's clock, 32 bits.
        source: Which stream it belongs to (SSRC).
        payload: The encoded sound; may be empty.
    """

    payload_type: int
    sequence: int
    timestamp: int
    source: int
    payload: bytes


def parse_rtp(packet: bytes) -> RtpPacket:
    """Take a packet apart; extensions are passed over.

    Raises:
        RtpFormatError: It is none.
    """
    if len(packet) < _HEADER.size:
        message = f"{len(packet)} bytes are too few for an RTP packet."
        raise RtpFormatError(message)
    bits, marked_type, sequence, timestamp, source = _HEADER.unpack_from(packet)
    if bits >> 6 != 2:
        message = f"The RTP packet is of version {bits >> 6}; it has to be 2."
        raise RtpFormatError(message)
    start = _HEADER.size + 4 * (bits & _SOURCES_BITS)
    if bits & _EXTENSION_BIT:
        words = int.from_bytes(packet[start + 2 : start + 4], "big")
        start += 4 + 4 * words
    end = len(packet) - (packet[-1] if bits & _PADDING_BIT else 0)
    if start > end:
        message = f"The header of an RTP packet of {len(packet)} bytes goes beyond its end."
        raise RtpFormatError(message)
    payload_type = marked_type & ~_MARKER_BIT
    return RtpPacket(payload_type, sequence, timestamp, source, packet[start:end])


def rtp_packet(
    payload: bytes, *, payload_type: int, sequence: int, timestamp: int, source: int, marked: bool
) -> bytes:
    """Put a packet together.

    Args:
        payload: The encoded sound.
        payload_type: Which encoding.
        sequence: Its number; its lowest 16 bits are sent.
        timestamp: When its first sample is heard; its lowest 32 bits are sent.
        source: Which stream it belongs to (SSRC).
        marked: Whether speech begins with it: RFC 3551, section 4.1.
    """
    marked_type = payload_type | (_MARKER_BIT if marked else 0)
    header = _HEADER.pack(
        _VERSION_BITS, marked_type, sequence & 0xFFFF, timestamp & 0xFFFF_FFFF, source
    )
    return header + payload


def rtp_steps(start: int, end: int, *, bits: int) -> int:
    """Return how far it is from a number to another one, the shorter way around its range."""
    half = 1 << (bits - 1)
    return ((end - start + half) & ((1 << bits) - 1)) - half
