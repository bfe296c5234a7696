"""The order of what comes in, what is made up for, and what is filled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio.formats import Floats, codec_of, to_int16s
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.transports.webrtc.encodings import OPUS, PCMU, Encoding
from antiphon.transports.webrtc.incoming import (
    MAX_HELD_PACKETS,
    MAX_WAIT_S,
    MIN_WAIT_S,
    SILENT_AFTER_S,
    Incoming,
)
from antiphon.transports.webrtc.opus import OpusEncoder
from antiphon.transports.webrtc.peer import Packets
from antiphon.transports.webrtc.rtp import RtpPacket
from antiphon.wire.audio_config import PcmuFormat
from tests.support.webrtc import tone

FRAME_S = 0.02
FRAME = round(FRAME_S * LISTENING_RATE_HZ)


def opus(samples: Floats) -> list[bytes]:
    """Packets of 24 kHz sound."""
    encoder = OpusEncoder(24_000)
    encoder.expect_loss(20)
    pcm = to_int16s(samples).tobytes()
    return [encoder.encode(pcm[i : i + 960]) for i in range(0, len(pcm) - 959, 960)]


def mu_law(samples: Floats) -> list[bytes]:
    """Packets of 8 kHz sound."""
    codec = codec_of(PcmuFormat())
    return [codec.encode(samples[i : i + 160]) for i in range(0, len(samples) - 159, 160)]


class Stream:
    """A stream and what has come of it."""

    def __init__(
        self, encoding: Encoding, payloads: list[bytes], *, sequence: int = 0, timestamp: int = 0
    ) -> None:
        self.heard: list[Floats] = []
        self.counted = Packets()
        self.incoming = Incoming(encoding, self.heard.append, self.counted, first_s=0.0)
        ticks = round(encoding.clock_hz * FRAME_S)
        self.packets = [
            RtpPacket(0, (sequence + i) & 0xFFFF, (timestamp + i * ticks) & 0xFFFF_FFFF, 1, payload)
            for i, payload in enumerate(payloads)
        ]

    def come(self, *indices: int, at_s: float | None = None) -> None:
        """Have packets come, each at its own time unless another is given."""
        for index in indices:
            self.incoming.push(self.packets[index], index * FRAME_S if at_s is None else at_s)

    @property
    def samples(self) -> Floats:
        return np.concatenate([np.zeros(0, np.float32), *self.heard])


def whole(encoding: Encoding, payloads: list[bytes]) -> Floats:
    stream = Stream(encoding, payloads)
    stream.come(*range(len(payloads)))
    return stream.samples


TONE = opus(tone(300, 24_000, 24_000))


def test_what_comes_in_order_is_passed_on_at_once():
    stream = Stream(OPUS, TONE)
    for index in range(10):
        stream.come(index)
        assert len(stream.samples) == (index + 1) * FRAME


def test_a_packet_that_is_overtaken_is_waited_for():
    stream = Stream(OPUS, TONE)
    stream.come(0, 1, 2)
    stream.come(4, at_s=0.08)
    assert len(stream.samples) == 3 * FRAME
    stream.come(3, at_s=0.081)
    stream.come(*range(5, 50))
    assert np.array_equal(stream.samples, whole(OPUS, TONE))
    assert stream.counted.lost == 0


@pytest.mark.parametrize("lost", [[10], [10, 11], [10, 20, 21, 22, 30]])
@pytest.mark.parametrize("encoding", [OPUS, PCMU], ids=lambda encoding: encoding.name)
def test_what_is_lost_is_made_up_for_and_leaves_no_gap(encoding, lost):
    payloads = TONE if encoding is OPUS else mu_law(tone(300, 8_000, 8_000))
    stream = Stream(encoding, payloads)
    for index in range(50):
        if index not in lost:
            stream.come(index)
        stream.incoming.advance(index * FRAME_S + 0.001)
    assert stream.counted == Packets(heard=50 - len(lost), lost=len(lost))
    reference = whole(encoding, payloads)
    assert len(stream.samples) == len(reference)
    # A steady tone goes on as it was: its power is there in every frame, the made-up ones too.
    frames = stream.samples[5 * FRAME : 45 * FRAME].reshape(-1, FRAME)
    powers = np.mean(frames**2, axis=1)
    assert powers.min() > (0.1 if len(lost) < 4 else 0.02) * np.median(powers)


def test_a_packet_that_comes_after_it_was_given_up_is_dropped():
    stream = Stream(OPUS, TONE)
    stream.come(0, 1)
    stream.come(3, 4, 5, 6, 7)
    before = len(stream.samples)
    stream.come(2, at_s=0.15)
    assert len(stream.samples) == before == 8 * FRAME
    assert (stream.counted.lost, stream.counted.late) == (1, 1)


def test_a_packet_that_comes_twice_is_heard_once():
    stream = Stream(OPUS, TONE)
    stream.come(0, 0, 1)
    stream.come(3, 3, at_s=0.05)
    stream.come(2, at_s=0.051)
    assert len(stream.samples) == 4 * FRAME
    assert stream.counted.late == 2


def test_waiting_adapts_to_how_unevenly_packets_arrive():
    even, uneven = Stream(OPUS, TONE * 4), Stream(OPUS, TONE * 4)
    random = np.random.default_rng(3)
    for index in range(100):
        even.come(index)
        uneven.come(index, at_s=index * FRAME_S + random.uniform(0, 0.08))
    assert even.incoming.wait_s == MIN_WAIT_S
    assert 2 * MIN_WAIT_S < uneven.incoming.wait_s <= MAX_WAIT_S


def test_numbers_that_start_again_from_zero_change_nothing():
    stream = Stream(OPUS, TONE, sequence=65_530, timestamp=(1 << 32) - 5000)
    stream.come(*range(50))
    assert np.array_equal(stream.samples, whole(OPUS, TONE))


def test_a_pause_in_which_nothing_is_sent_is_filled_with_silence():
    stream = Stream(OPUS, TONE)
    paused = [
        RtpPacket(0, packet.sequence, packet.timestamp + 48_000 // 2 * (i >= 10), 1, packet.payload)
        for i, packet in enumerate(stream.packets[:20])
    ]
    for index, packet in enumerate(paused):
        stream.incoming.push(packet, index * FRAME_S + 0.5 * (index >= 10))
    assert len(stream.samples) == 20 * FRAME + LISTENING_RATE_HZ // 2
    assert not stream.samples[10 * FRAME : 10 * FRAME + LISTENING_RATE_HZ // 2].any()


def test_silence_is_passed_on_while_nothing_comes_and_not_twice():
    stream = Stream(OPUS, TONE)
    stream.come(*range(10))
    passed_s = 9 * FRAME_S
    for tick in range(50):  # a second
        stream.incoming.advance(passed_s + tick * FRAME_S)
    silent_s = 49 * FRAME_S - SILENT_AFTER_S
    assert len(stream.samples) == pytest.approx(10 * FRAME + silent_s * LISTENING_RATE_HZ, abs=32)
    late = stream.packets[10]
    packet = RtpPacket(0, late.sequence, late.timestamp + 48_000, 1, late.payload)
    stream.incoming.push(packet, passed_s + 1.02)
    assert len(stream.samples) == pytest.approx(11 * FRAME + LISTENING_RATE_HZ, abs=32)


def test_speech_that_stood_still_on_the_way_is_heard_in_full():
    stream = Stream(OPUS, TONE)
    stream.come(*range(10))
    stream.incoming.advance(0.5)
    stream.come(*range(10, 30), at_s=0.6)
    assert np.array_equal(stream.samples[-FRAME:], whole(OPUS, TONE[:30])[-FRAME:])
    assert stream.counted.late == stream.counted.lost == 0


def test_a_jump_is_a_new_start():
    stream = Stream(OPUS, TONE)
    stream.come(*range(5))
    jumped = RtpPacket(0, 5 + 10 * MAX_HELD_PACKETS, 123_456_789, 1, TONE[5])
    stream.incoming.push(jumped, 0.1)
    assert len(stream.samples) == 6 * FRAME


def test_a_broken_packet_is_made_up_for():
    payloads = [*TONE]
    payloads[10] = b"\xff"
    stream = Stream(OPUS, payloads)
    stream.come(*range(50))
    assert len(stream.samples) == 50 * FRAME
    assert stream.counted == Packets(heard=49, broken=1)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFF_FFFF),
            st.binary(max_size=20),
            st.floats(0, 0.5),
        ),
        max_size=60,
    )
)
def test_whatever_comes_no_more_than_a_second_is_heard_for_each_packet(packets):
    heard: list[Floats] = []
    incoming = Incoming(OPUS, heard.append, Packets(), first_s=0.0)
    now_s = 0.0
    for sequence, timestamp, payload, after_s in packets:
        now_s += after_s
        incoming.push(RtpPacket(0, sequence, timestamp, 1, payload), now_s)
        incoming.advance(now_s)
    heard_s = sum(map(len, heard)) / LISTENING_RATE_HZ
    assert heard_s <= 1.2 * len(packets) + now_s
    assert len(incoming._held) <= MAX_HELD_PACKETS
