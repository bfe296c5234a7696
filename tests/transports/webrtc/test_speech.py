from __future__ import annotations

import numpy as np
import pytest

from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.transports.webrtc.encodings import PCMU
from antiphon.transports.webrtc.offer import Direction, OfferedAudio
from antiphon.transports.webrtc.peer import FRAME_BYTES
from antiphon.transports.webrtc.rtp import parse_rtp, rtp_packet
from antiphon.transports.webrtc.speech import MAX_AHEAD_S, Speech

SOUND = bytes(range(160))  # 20 ms of PCMU
FRAME = bytes(FRAME_BYTES)


class Line:
    """One call's speech, and what came of it."""

    def __init__(self, direction: Direction = Direction.SENDRECV) -> None:
        self.sent: list[bytes] = []
        self.taken: list[Floats] = []
        audio = OfferedAudio("0", direction, {0: PCMU})
        self.speech = Speech(audio, self.sent.append, self.taken.append)

    @property
    def taken_s(self) -> float:
        return sum(map(len, self.taken)) / LISTENING_RATE_HZ

    def hear(self, number: int, now_s: float, *, ticks: int = 160, source: int = 7) -> None:
        """Have the packet of a number come."""
        packet = rtp_packet(
            SOUND,
            payload_type=0,
            sequence=number,
            timestamp=number * ticks,
            source=source,
            marked=False,
        )
        self.speech.receive(packet, now_s)


def test_what_comes_in_time_is_taken():
    line = Line()
    for number in range(2_000):
        line.hear(number, 100 + number * 0.02)
    assert line.taken_s == pytest.approx(40, abs=0.1)


def test_what_a_standing_network_held_back_is_taken_in_one_go():
    line = Line()
    for number in range(400):  # eight seconds
        line.hear(number, 100)
    assert line.taken_s == pytest.approx(8, abs=0.1)


@pytest.mark.parametrize("ticks", [160, 8_000], ids=["sound", "pauses that are only told of"])
@pytest.mark.parametrize("change_source", [False, True], ids=["one stream", "many streams"])
def test_a_client_cannot_send_more_sound_than_time(ticks, change_source):
    line = Line()
    for number in range(5_000):
        source = number // 2 if change_source else 7
        line.hear(number, 100 + number * 0.001, ticks=ticks, source=source)
    # Five seconds have passed.
    assert line.taken_s < MAX_AHEAD_S + 2 * 5 + 2


def test_the_first_packet_is_marked_and_numbers_go_up():
    line = Line()
    for number in range(3):
        line.speech.send(FRAME, number * 0.02)
    packets = [parse_rtp(one) for one in line.sent]
    assert [bool(one[1] & 0x80) for one in line.sent] == [True, False, False]
    assert [one.sequence - packets[0].sequence for one in packets] == [0, 1, 2]
    assert np.diff([one.timestamp for one in packets]).tolist() == [160, 160]
    assert {one.source for one in packets} == {line.speech.source}


def test_a_client_that_only_sends_is_sent_reports_but_no_sound():
    line = Line(Direction.SENDONLY)
    for number in range(50):
        line.speech.send(FRAME, number * 0.02)
    assert [one[1] for one in line.sent] == [200]  # a sender report: RFC 3550, section 6.4.1


def test_what_is_no_speech_of_this_call_is_dropped():
    line = Line()
    line.speech.receive(b"\x80", 100)
    line.speech.receive_report(b"\x80\xc8", 100)
    other = rtp_packet(SOUND, payload_type=13, sequence=1, timestamp=1, source=7, marked=False)
    line.speech.receive(other, 100)
    assert line.taken == []
