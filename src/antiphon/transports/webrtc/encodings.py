"""How speech is encoded on a call: Opus, or either law of G.711.

An :class:`Encoding` makes the two ends of a stream. Both are told the same things whatever the
encoding is: frames to encode, packets to decode, and what to make up for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from antiphon.audio.formats import Codec, codec_of, to_floats
from antiphon.audio.resample import Resampler
from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.transports.webrtc.concealment import Concealment
from antiphon.transports.webrtc.opus import (
    OpusDecoder,
    OpusEncoder,
    OpusError,
    opus_duration_s,
)
from antiphon.transports.webrtc.peer import FRAME_BYTES, FRAME_RATE_HZ
from antiphon.wire.audio_config import PcmaFormat, PcmuFormat

__all__ = ["ENCODINGS", "OPUS", "PCMA", "PCMU", "Decoder", "Encoder", "Encoding"]

_MAX_CONCEALED_S = 0.12
"""How long speech is made up in one go: after this, nothing of it is left but silence."""


class Encoder(Protocol):
    """One stream that is sent."""

    def encode(self, frame: bytes) -> bytes:
        """Encode a frame as :meth:`antiphon.transports.webrtc.peer.Peer.send_audio` takes it."""
        ...

    def expect_loss(self, percent: int) -> None:
        """Prepare for that many packets being lost on the way."""
        ...


class Decoder(Protocol):
    """One stream that is received. Sound is float32 at ``LISTENING_RATE_HZ``, shape (n,)."""

    def duration_s(self, payload: bytes) -> float:
        """Return how long the sound in a packet is. Raises ``ValueError`` if it is none."""
        ...

    def decode(self, payload: bytes) -> Floats:
        """Decode a packet. Raises ``ValueError`` if it is none."""
        ...

    def conceal(self, duration_s: float, following: bytes | None) -> Floats:
        """Make up for what was lost.

        Args:
            duration_s: How much was lost.
            following: The packet after it, if it is there: it may tell of the one before.
        """
        ...


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way to encode speech.

    Attributes:
        name: As in ``a=rtpmap``, in lower case.
        clock_hz: What its timestamps count.
        rtpmap: The encoding's description in an answer.
        parameters: The answer's ``a=fmtp`` for it; empty for none.
        static_payload_type: Its number where an offer gives none: RFC 3551, table 4.
        encoder: Makes the sending end of a stream.
        decoder: Makes the receiving end.
    """

    name: str
    clock_hz: int
    rtpmap: str
    parameters: str
    static_payload_type: int | None
    encoder: Callable[[], Encoder]
    decoder: Callable[[], Decoder]


class _OpusDecoder:
    def __init__(self) -> None:
        self._decoder = OpusDecoder(LISTENING_RATE_HZ)
        self._packet_s = 0.02

    def duration_s(self, payload: bytes) -> float:
        return opus_duration_s(payload)

    def decode(self, payload: bytes) -> Floats:
        samples = self._decoder.decode(payload)
        self._packet_s = len(samples) / LISTENING_RATE_HZ
        return samples

    def conceal(self, duration_s: float, following: bytes | None) -> Floats:
        # A packet has redundancy for one packet; what was lost before that one is made up.
        recovered_s = _whole_steps_s(min(duration_s, self._packet_s)) if following else 0.0
        made_up_s = _whole_steps_s(min(duration_s - recovered_s, _MAX_CONCEALED_S))
        parts = [self._decoder.conceal(made_up_s)] if made_up_s else []
        silent_s = duration_s - made_up_s - recovered_s
        parts.append(np.zeros(round(silent_s * LISTENING_RATE_HZ), np.float32))
        if following and recovered_s:
            parts.append(self._recover(following, recovered_s))
        return np.concatenate(parts)

    def _recover(self, following: bytes, duration_s: float) -> Floats:
        try:
            return self._decoder.recover(following, duration_s)
        except OpusError:
            return self._decoder.conceal(duration_s)


class _G711Encoder:
    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._resampler = Resampler(FRAME_RATE_HZ, codec.rate_hz)
        # It holds back as much as it has to see ahead. With that much silence before, each frame
        # gives as many samples as it should.
        self._resampler.push(np.zeros(FRAME_BYTES // 2, np.float32))

    def encode(self, frame: bytes) -> bytes:
        return self._codec.encode(self._resampler.push(to_floats(np.frombuffer(frame, "<i2"))))

    def expect_loss(self, percent: int) -> None:
        """G.711 has nothing to prepare."""


class _G711Decoder:
    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._resampler = Resampler(codec.rate_hz, LISTENING_RATE_HZ)
        self._concealment = Concealment(codec.rate_hz)

    def duration_s(self, payload: bytes) -> float:
        return len(payload) / self._codec.rate_hz

    def decode(self, payload: bytes) -> Floats:
        samples = self._codec.decode(payload)
        self._concealment.remember(samples)
        return self._resampler.push(samples)

    def conceal(self, duration_s: float, following: bytes | None) -> Floats:  # noqa: ARG002
        samples = round(duration_s * self._codec.rate_hz)
        return self._resampler.push(self._concealment.conceal(samples))


def _whole_steps_s(duration_s: float) -> float:
    """Cut a duration to whole 2.5 ms, the shortest frame that Opus knows."""
    return int(duration_s / 0.0025 + 1e-6) * 0.0025


def _g711(name: str, payload_type: int, codec: Codec) -> Encoding:
    return Encoding(
        name=name.lower(),
        clock_hz=codec.rate_hz,
        rtpmap=f"{name}/8000",
        parameters="",
        static_payload_type=payload_type,
        encoder=lambda: _G711Encoder(codec),
        decoder=lambda: _G711Decoder(codec),
    )


OPUS = Encoding(
    name="opus",
    clock_hz=48_000,  # whatever its bandwidth: RFC 7587, section 4.1
    rtpmap="opus/48000/2",  # whatever its channels: RFC 7587, section 7
    parameters="minptime=10;useinbandfec=1",
    static_payload_type=None,
    encoder=lambda: OpusEncoder(FRAME_RATE_HZ),
    decoder=_OpusDecoder,
)
PCMU = _g711("PCMU", 0, codec_of(PcmuFormat()))
PCMA = _g711("PCMA", 8, codec_of(PcmaFormat()))

ENCODINGS = (OPUS, PCMU, PCMA)
"""What can be agreed on; a client's own order decides."""
