"""The audio of items as FLAC: half the size of the samples, and exactly them."""

from __future__ import annotations

from typing import NamedTuple

from antiphon.audio.formats import Floats, Int16s, codec_of, to_int16s
from antiphon.audio.lossless import pack, unpack
from antiphon.wire.audio_config import AudioFormat

__all__ = ["FLAC", "HEARD_RATE_HZ", "Encoded", "cut", "flac"]

FLAC = "flac"
"""What the column ``format`` says of all of it."""

HEARD_RATE_HZ = 16_000
"""Sample rate of what users say, as it was heard."""


class Encoded(NamedTuple):
    """A FLAC file, mono.

    Attributes:
        rate_hz: Its sample rate.
        duration_ms: How long it sounds.
        sound: The file.
    """

    rate_hz: int
    duration_ms: int
    sound: bytes


def flac(samples: Floats | bytes, audio_format: AudioFormat | None) -> Encoded:
    """Encode audio. Takes about a millisecond for each second of it.

    Args:
        samples: In the format; or float32 at 16 kHz, shape (n,).
        audio_format: The format of bytes; ``None`` for float32.
    """
    if audio_format is None:
        assert not isinstance(samples, bytes), "bytes come with their format"
        return _encoded(to_int16s(samples), HEARD_RATE_HZ)
    assert isinstance(samples, bytes), "only bytes have a format"
    codec = codec_of(audio_format)
    whole = len(samples) // codec.bytes_per_sample * codec.bytes_per_sample
    return _encoded(to_int16s(codec.decode(samples[:whole])), codec.rate_hz)


def cut(sound: bytes, heard_ms: int) -> Encoded:
    """Return a FLAC file that ends where it ceased to be heard.

    Args:
        sound: The whole file.
        heard_ms: How much of it is to stay; all of it, if it is not that long.
    """
    samples, rate_hz = unpack(sound)
    return _encoded(samples[: heard_ms * rate_hz // 1000], rate_hz)


def _encoded(samples: Int16s, rate_hz: int) -> Encoded:
    return Encoded(rate_hz, len(samples) * 1000 // rate_hz, pack(samples, rate_hz))
