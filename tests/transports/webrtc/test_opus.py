"""libopus: what is decoded sounds like what was encoded, and loss is made up for."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from antiphon.audio.formats import Floats, to_int16s
from antiphon.transports.webrtc.opus import OpusDecoder, OpusEncoder, OpusError, opus_duration_s
from tests.support.webrtc import loudest_hz, tone

RATE_HZ = 24_000
LISTENING_HZ = 16_000
FRAME = RATE_HZ // 50


def packets_of(samples: Floats, *, loss_percent: int = 20) -> list[bytes]:
    encoder = OpusEncoder(RATE_HZ)
    encoder.expect_loss(loss_percent)
    whole = len(samples) // FRAME * FRAME
    frames = np.split(to_int16s(samples[:whole]), whole // FRAME)
    return [encoder.encode(frame.tobytes()) for frame in frames]


@pytest.fixture(scope="module")
def speech() -> Floats:
    samples, rate_hz = soundfile.read("examples/question.wav", dtype="float32")
    assert rate_hz == RATE_HZ
    return np.asarray(samples, np.float32)


def likeness(a: Floats, b: Floats) -> float:
    return float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b) + 1e-12))


def test_a_tone_survives_with_its_level():
    decoder = OpusDecoder(LISTENING_HZ)
    heard = np.concatenate([decoder.decode(p) for p in packets_of(tone(440, RATE_HZ, RATE_HZ))])
    assert len(heard) == LISTENING_HZ
    assert abs(loudest_hz(heard[-8_000:], LISTENING_HZ) - 440) < 4
    assert np.sqrt(np.mean(heard[-8_000:] ** 2)) == pytest.approx(0.354, abs=0.02)


def test_packets_are_small_and_say_how_long_they_are(speech):
    packets = packets_of(speech)
    assert {opus_duration_s(packet) for packet in packets} == {0.02}
    assert 20_000 < sum(map(len, packets)) * 8 * 50 / len(packets) < 40_000  # bits a second


def test_a_lost_packet_is_recovered_from_the_next_one(speech):
    packets = packets_of(speech)
    whole = OpusDecoder(LISTENING_HZ)
    reference = [whole.decode(packet) for packet in packets]
    recovered: list[float] = []
    made_up: list[float] = []
    loud = [i for i, frame in enumerate(reference) if np.sqrt(np.mean(frame**2)) > 0.05]
    for lost in loud[2::7]:
        for outcomes, by_redundancy in ((recovered, True), (made_up, False)):
            decoder = OpusDecoder(LISTENING_HZ)
            for packet in packets[:lost]:
                decoder.decode(packet)
            frame = (
                decoder.recover(packets[lost + 1], 0.02) if by_redundancy else decoder.conceal(0.02)
            )
            outcomes.append(likeness(frame, reference[lost]))
    assert np.mean(recovered) > 0.8
    assert np.mean(recovered) > np.mean(made_up) + 0.1


def test_what_is_made_up_fades_out():
    decoder = OpusDecoder(LISTENING_HZ)
    for packet in packets_of(tone(440, RATE_HZ, RATE_HZ)):
        decoder.decode(packet)
    energies = [float(np.mean(decoder.conceal(0.02) ** 2)) for _ in range(20)]
    assert energies[-1] < 0.05 * energies[0]


@pytest.mark.parametrize("packet", [b"", b"\xff", b"\x03"])
def test_what_is_not_opus_is_refused(packet):
    with pytest.raises(OpusError):
        opus_duration_s(packet)


def test_a_packet_that_breaks_off_is_refused():
    with pytest.raises(OpusError):
        OpusDecoder(LISTENING_HZ).decode(b"\x03\xff\xff")


def test_a_frame_of_a_length_that_opus_does_not_know_is_refused():
    with pytest.raises(OpusError, match="a frame of 100 bytes"):
        OpusEncoder(RATE_HZ).encode(bytes(100))


def test_no_bytes_crash_the_decoder():
    random = np.random.default_rng(7)
    decoder = OpusDecoder(LISTENING_HZ)
    for _ in range(2000):
        packet = random.bytes(int(random.integers(1, 200)))
        try:
            opus_duration_s(packet)
            assert len(decoder.decode(packet)) <= 0.12 * LISTENING_HZ
            decoder.recover(packet, 0.02)
        except OpusError:
            pass
