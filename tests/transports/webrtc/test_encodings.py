"""Every encoding keeps speech's pitch, level and pace, and goes on where something was lost."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.audio.formats import Floats, to_int16s
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.transports.webrtc.encodings import ENCODINGS, PCMA, PCMU, Encoding
from antiphon.transports.webrtc.peer import FRAME_BYTES
from tests.support.webrtc import loudest_hz, tone

FRAMES = 50


def payloads_of(encoding: Encoding, samples: Floats) -> list[bytes]:
    encoder = encoding.encoder()
    encoder.expect_loss(10)
    pcm = to_int16s(samples).tobytes()
    starts = range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)
    return [encoder.encode(pcm[start : start + FRAME_BYTES]) for start in starts]


@pytest.fixture(params=ENCODINGS, ids=lambda encoding: encoding.name)
def encoding(request):
    return request.param


def test_a_tone_keeps_its_pitch_and_level(encoding):
    payloads = payloads_of(encoding, tone(440, 24_000, 480 * FRAMES))
    decoder = encoding.decoder()
    assert {decoder.duration_s(payload) for payload in payloads} == {0.02}
    heard = np.concatenate([decoder.decode(payload) for payload in payloads])
    assert len(heard) == pytest.approx(LISTENING_RATE_HZ, abs=100)  # less what is held back
    tail = heard[-8_000:]
    assert abs(loudest_hz(tail, LISTENING_RATE_HZ) - 440) < 4
    assert np.sqrt(np.mean(tail**2)) == pytest.approx(0.354, abs=0.03)


@pytest.mark.parametrize("encoding", [PCMU, PCMA], ids=lambda encoding: encoding.name)
def test_frames_of_g711_are_all_of_20_ms(encoding):
    assert {len(payload) for payload in payloads_of(encoding, np.zeros(4800, np.float32))} == {160}


@pytest.mark.parametrize("lost", [1, 2, 5, 20])
def test_what_is_made_up_is_as_long_as_what_was_lost(encoding, lost):
    payloads = payloads_of(encoding, tone(200, 24_000, 480 * FRAMES))
    decoder = encoding.decoder()
    for payload in payloads[:20]:
        decoder.decode(payload)
    made_up = decoder.conceal(lost * 0.02, payloads[20 + lost])
    assert len(made_up) == pytest.approx(lost * 320, abs=1)
    first = made_up[:320]
    assert np.sqrt(np.mean(first**2)) > 0.2


def test_without_a_following_packet_the_tone_goes_on_and_fades(encoding):
    decoder = encoding.decoder()
    for payload in payloads_of(encoding, tone(200, 24_000, 480 * FRAMES)):
        decoder.decode(payload)
    levels = [np.sqrt(np.mean(decoder.conceal(0.02, None) ** 2)) for _ in range(30)]
    assert levels[0] > 0.1
    assert levels[-1] < 0.6 * levels[0]


def test_a_broken_following_packet_does_no_harm(encoding):
    decoder = encoding.decoder()
    for payload in payloads_of(encoding, tone(200, 24_000, 480 * 20)):
        decoder.decode(payload)
    assert len(decoder.conceal(0.04, b"\x03\xff\xff")) == pytest.approx(640, abs=1)
