"""RTP packets."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.transports.webrtc.rtp import (
    RtpFormatError,
    RtpPacket,
    parse_rtp,
    rtp_packet,
    rtp_steps,
)


@settings(deadline=None)
@given(
    payload=st.binary(max_size=64),
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 1 << 20),
    timestamp=st.integers(0, 1 << 40),
    source=st.integers(0, (1 << 32) - 1),
    marked=st.booleans(),
)
def test_what_is_put_together_comes_apart(
    payload, payload_type, sequence, timestamp, source, marked
):
    packet = rtp_packet(
        payload,
        payload_type=payload_type,
        sequence=sequence,
        timestamp=timestamp,
        source=source,
        marked=marked,
    )
    assert parse_rtp(packet) == RtpPacket(
        payload_type, sequence % (1 << 16), timestamp % (1 << 32), source, payload
    )


def test_sources_extension_and_padding_are_passed_over():
    header = struct.pack("!BBHLL", 0x80 | 0x20 | 0x10 | 2, 0x80 | 111, 7, 9, 5)
    packet = header + bytes(8) + b"\xbe\xde\x00\x01abcd" + b"sound" + b"\x00\x00\x03"
    assert parse_rtp(packet) == RtpPacket(111, 7, 9, 5, b"sound")


@pytest.mark.parametrize(
    "packet",
    [b"", bytes(11), bytes(12), b"\x8f" + bytes(11), b"\x90" + bytes(12), b"\xa0" + b"\xff" * 11],
)
def test_what_is_no_packet_is_refused(packet):
    with pytest.raises(RtpFormatError):
        parse_rtp(packet)


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_break_the_parser(packet):
    try:
        parsed = parse_rtp(packet)
    except RtpFormatError:
        return
    assert packet.endswith(parsed.payload) or packet[0] & 0x20


def test_numbers_go_around():
    assert rtp_steps(65_535, 0, bits=16) == 1
    assert rtp_steps(0, 65_535, bits=16) == -1
    assert rtp_steps(5, 5, bits=32) == 0
    assert rtp_steps(0xFFFF_FFF0, 0x10, bits=32) == 0x20
