"""Reports, read by aiortc's own parser."""

from __future__ import annotations

import pytest
from aiortc.rtp import RtcpPacket, RtcpReceiverInfo, RtcpRrPacket, RtcpSdesPacket, RtcpSrPacket

from antiphon.transports.webrtc.reports import Reports
from antiphon.transports.webrtc.rtp import RtpPacket

OURS, THEIRS = 11, 22


def packet(sequence: int, source: int = THEIRS) -> RtpPacket:
    return RtpPacket(96, sequence & 0xFFFF, 0, source, b"")


def written(reports: Reports, now_s: float = 0.0) -> RtcpSrPacket:
    sender, name = RtcpPacket.parse(reports.write(jitter=7, now_s=now_s))
    assert isinstance(sender, RtcpSrPacket)
    assert isinstance(name, RtcpSdesPacket)
    assert [(one.ssrc, one.items) for one in name.chunks] == [(OURS, [(1, b"us")])]
    return sender


def of_us(fraction_lost: int) -> bytes:
    block = RtcpReceiverInfo(OURS, fraction_lost, 0, 0, 0, 0, 0)
    return bytes(RtcpRrPacket(ssrc=THEIRS, reports=[block]))


def test_what_was_sent_is_told():
    reports = Reports(OURS, "us")
    reports.sent(b"12345", 960)
    reports.sent(b"123", (1 << 32) + 1920)
    report = written(reports)
    assert report.ssrc == OURS
    info = report.sender_info
    assert (info.packet_count, info.octet_count, info.rtp_timestamp) == (2, 8, 1920)
    assert report.reports == []


def test_what_was_lost_is_told_since_the_last_report_and_in_all():
    reports = Reports(OURS, "us")
    for sequence in (65_533, 65_534, 65_535, 1):  # 0 is lost
        reports.received(packet(sequence))
    [first] = written(reports).reports
    assert (first.ssrc, first.packets_lost, first.fraction_lost) == (THEIRS, 1, 256 // 5)
    assert (first.highest_sequence, first.jitter) == (65_537, 7)
    for sequence in (2, 3):
        reports.received(packet(sequence))
    [second] = written(reports).reports
    assert (second.packets_lost, second.fraction_lost) == (1, 0)


def test_packets_that_come_twice_are_no_negative_loss():
    reports = Reports(OURS, "us")
    for sequence in (1, 1, 1):
        reports.received(packet(sequence))
    [report] = written(reports).reports
    assert (report.packets_lost, report.fraction_lost) == (-2, 0)


def test_another_stream_begins_to_count_anew():
    reports = Reports(OURS, "us")
    reports.received(packet(5))
    reports.received(packet(900, source=33))
    [report] = written(reports).reports
    assert (report.ssrc, report.packets_lost) == (33, 0)


def test_the_client_s_report_is_acknowledged_with_its_age():
    theirs = Reports(THEIRS, "them")
    reports = Reports(OURS, "us")
    reports.received(packet(1))
    reports.read(theirs.write(jitter=0, now_s=0.0), now_s=10.0)
    [block] = written(reports, now_s=10.5).reports
    assert block.lsr > 0
    assert block.dlsr == 65_536 // 2


@pytest.mark.parametrize(("fraction", "share"), [(0, 0.0), (64, 0.25)])
def test_the_client_tells_what_it_lost(fraction, share):
    assert Reports(OURS, "us").read(of_us(fraction), now_s=0.0) == share


def test_a_report_of_another_stream_says_nothing():
    assert Reports(99, "us").read(of_us(64), now_s=0.0) is None


@pytest.mark.parametrize("report", [b"\x80", bytes(8), b"\x81\xc9\x00\x01\x00\x00\x00\x00"])
def test_what_is_no_report_is_refused(report):
    with pytest.raises(ValueError, match="RTCP"):
        Reports(OURS, "us").read(report, now_s=0.0)
