"""Opus by libopus itself, for speech in frames of 20 ms.

PyAV's wrapper always decodes to 48 kHz stereo and knows neither of concealment nor of forward error
correction; libopus decodes to what is wanted. The copy that PyAV's wheel brings is used, since
aiortc needs that wheel anyway, otherwise the system's.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

from antiphon.engines.base import Floats
from antiphon.errors import ConfigurationError

__all__ = ["OpusDecoder", "OpusEncoder", "OpusError", "opus_duration_s", "opus_library"]

BITRATE_BPS = 32_000
"""Speech of 12 kHz bandwidth is transparent at this rate, its own redundancy included."""

COMPLEXITY = 0
"""Of 0 to 10. A frame takes 45 µs with 0, 138 µs with 5 and 181 µs with 10, which is most of what a
call costs; speech of one person at this rate hardly gains by it."""

MAX_PACKET_BYTES = 1275
"""Longest frame there is: RFC 6716, section 3.2.1."""

MAX_DURATION_S = 0.12
"""Longest packet there is: RFC 6716, section 3.2.5."""

# From opus_defines.h, where they are guaranteed to stay.
_APPLICATION_VOIP = 2048
_SET_BITRATE = 4002
_SET_COMPLEXITY = 4010
_SET_INBAND_FEC = 4012
_SET_PACKET_LOSS_PERC = 4014
_SET_SIGNAL = 4024
_SIGNAL_VOICE = 3001
_OK = 0

_DURATION_RATE_HZ = 48_000  # what durations are counted at: RFC 7587, section 4.1


class OpusError(ValueError):
    """A packet is not Opus."""


class OpusEncoder:
    """Encodes one stream of speech, with redundancy for lost packets.

    Each packet carries a coarse copy of the one before, as far as loss is expected: in-band forward
    error correction, RFC 6716, section 2.1.7.
    """

    def __init__(self, rate_hz: int, *, complexity: int = COMPLEXITY) -> None:
        self._library = opus_library()
        error = ctypes.c_int()
        self._state = self._library.opus_encoder_create(
            rate_hz, 1, _APPLICATION_VOIP, ctypes.byref(error)
        )
        if error.value != _OK:
            message = f"libopus cannot encode at {rate_hz} Hz (error {error.value})."
            raise ConfigurationError(message)
        self._packet = ctypes.create_string_buffer(MAX_PACKET_BYTES)
        self._set(_SET_BITRATE, BITRATE_BPS)
        self._set(_SET_COMPLEXITY, complexity)
        self._set(_SET_SIGNAL, _SIGNAL_VOICE)
        self._set(_SET_INBAND_FEC, 1)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.opus_encoder_destroy(self._state)

    def expect_loss(self, percent: int) -> None:
        """Weigh redundancy by how many packets are lost on the way, 0 to 100 percent."""
        self._set(_SET_PACKET_LOSS_PERC, percent)

    def encode(self, pcm: bytes) -> bytes:
        """Encode a frame.

        Args:
            pcm: 2.5, 5, 10, 20, 40 or 60 ms: mono, 16 bits, in this machine's order of bytes.

        Raises:
            OpusError: It has another length.
        """
        length = self._library.opus_encode(
            self._state, pcm, len(pcm) // 2, self._packet, MAX_PACKET_BYTES
        )
        if length < 0:
            message = f"libopus cannot encode a frame of {len(pcm)} bytes (error {length})."
            raise OpusError(message)
        return self._packet.raw[:length]

    def _set(self, request: int, value: int) -> None:
        status = self._library.opus_encoder_ctl(self._state, request, ctypes.c_int(value))
        assert status == _OK, f"libopus refused {value} for {request} (error {status})"


class OpusDecoder:
    """Decodes one stream, and makes up for what was lost of it."""

    def __init__(self, rate_hz: int) -> None:
        self._library = opus_library()
        self._rate_hz = rate_hz
        error = ctypes.c_int()
        self._state = self._library.opus_decoder_create(rate_hz, 1, ctypes.byref(error))
        if error.value != _OK:
            message = f"libopus cannot decode at {rate_hz} Hz (error {error.value})."
            raise ConfigurationError(message)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.opus_decoder_destroy(self._state)

    def decode(self, packet: bytes) -> Floats:
        """Decode a packet: shape (n,), float32 at the decoder's rate; stereo is mixed.

        Raises:
            OpusError: It is not Opus.
        """
        return self._decode(packet, MAX_DURATION_S, from_redundancy=False)

    def conceal(self, duration_s: float) -> Floats:
        """Go on as the speech might have, quieter and quieter, in place of what was lost.

        Args:
            duration_s: A multiple of 2.5 ms, up to 120 ms.

        Returns:
            Shape (n,), float32 at the decoder's rate.
        """
        return self._decode(b"", duration_s, from_redundancy=False)

    def recover(self, following: bytes, duration_s: float) -> Floats:
        """Decode what a packet carries of the one before it, which was lost.

        Args:
            following: The packet after the lost one; if it carries nothing, this conceals.
            duration_s: Of the lost one.

        Returns:
            Shape (n,), float32 at the decoder's rate.

        Raises:
            OpusError: The packet is not Opus.
        """
        return self._decode(following, duration_s, from_redundancy=True)

    def _decode(self, packet: bytes, duration_s: float, *, from_redundancy: bool) -> Floats:
        samples = np.empty(round(duration_s * self._rate_hz), np.float32)
        decoded = self._library.opus_decode_float(
            self._state,
            packet or None,
            len(packet),
            samples.ctypes.data,
            len(samples),
            int(from_redundancy),
        )
        if decoded < 0:
            message = f"A packet of {len(packet)} bytes is not Opus (error {decoded})."
            raise OpusError(message)
        return samples[:decoded]


def opus_duration_s(packet: bytes) -> float:
    """Return how long the sound in a packet is, which its first bytes say.

    Raises:
        OpusError: It is not Opus.
    """
    samples: int = opus_library().opus_packet_get_nb_samples(packet, len(packet), _DURATION_RATE_HZ)
    if samples <= 0:
        message = f"A packet of {len(packet)} bytes is not Opus (error {samples})."
        raise OpusError(message)
    return samples / _DURATION_RATE_HZ


@cache
def opus_library() -> ctypes.CDLL:
    """Load libopus.

    Raises:
        ConfigurationError: There is none.
    """
    path = _bundled() or ctypes.util.find_library("opus")
    if path is None:
        message = (
            "WebRTC needs libopus, which is neither in PyAV's wheel nor installed. Install it: "
            "apt-get install libopus0, or brew install opus."
        )
        raise ConfigurationError(message)
    library = ctypes.CDLL(str(path))
    pointer, integer, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    library.opus_encoder_create.argtypes = [integer, integer, integer, pointer]
    library.opus_encoder_create.restype = pointer
    library.opus_encoder_destroy.argtypes = [pointer]
    library.opus_encode.argtypes = [pointer, text, integer, pointer, integer]
    # Its third argument is variadic, which is passed otherwise on some machines. ctypes knows that
    # of arguments beyond those that are named here.
    library.opus_encoder_ctl.argtypes = [pointer, integer]
    library.opus_decoder_create.argtypes = [integer, integer, pointer]
    library.opus_decoder_create.restype = pointer
    library.opus_decoder_destroy.argtypes = [pointer]
    library.opus_decode_float.argtypes = [pointer, text, integer, pointer, integer, integer]
    library.opus_packet_get_nb_samples.argtypes = [text, integer, integer]
    return library


def _bundled() -> Path | None:
    """Return the copy in PyAV's wheel: beside the package on Linux, within it on macOS."""
    spec = importlib.util.find_spec("av")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    found = [*package.parent.glob("av.libs/libopus-*.so*"), *package.glob(".dylibs/libopus*.dylib")]
    return min(found, default=None)
