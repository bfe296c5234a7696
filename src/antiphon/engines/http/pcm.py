"""Samples from bytes that arrive in pieces: bare PCM, or the same in a WAV file."""

from __future__ import annotations

import struct

import numpy as np

from antiphon.audio.formats import to_floats
from antiphon.engines.base import Floats

__all__ = ["PcmReader", "UnusableSoundError"]

_RIFF_HEADER = struct.Struct("<4sI4s")
_CHUNK_HEADER = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_PCM16_MONO = (1, 1, 16)
_EXTENSIBLE = 0xFFFE
"""Format tag of WAV files that say what they hold further on, which here is the same."""


class UnusableSoundError(ValueError):
    """A server sends sound that is not what was asked for. The message quotes nothing of it."""


class PcmReader:
    """Reads one answer: 16-bit little-endian mono samples.

    Servers that were asked for PCM and send a WAV file are common; its header is left out.

    Args:
        rate_hz: The sample rate that is expected.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._held = b""
        self._in_samples = False

    def push(self, piece: bytes) -> Floats:
        """Return the samples that are complete with the next bytes.

        Returns:
            Shape (n,), float32; possibly empty.

        Raises:
            UnusableSoundError: It is a WAV file with other samples; the message says which.
        """
        self._held += piece
        if not self._in_samples:
            start = self._samples_start()
            if start is None:
                return np.zeros(0, np.float32)
            self._held = self._held[start:]
            self._in_samples = True
        whole = len(self._held) // 2 * 2
        samples = np.frombuffer(self._held[:whole], "<i2")
        self._held = self._held[whole:]
        return to_floats(samples)

    def _samples_start(self) -> int | None:
        """Where the samples begin; ``None`` if that cannot be told yet."""
        if not b"RIFF".startswith(self._held[:4]) and self._held[:4] != b"RIFF":
            return 0
        position = _RIFF_HEADER.size
        while len(self._held) >= position + _CHUNK_HEADER.size:
            name, size = _CHUNK_HEADER.unpack_from(self._held, position)
            position += _CHUNK_HEADER.size
            if name == b"data":
                return position
            if name == b"fmt " and len(self._held) >= position + _FORMAT.size:
                self._check(_FORMAT.unpack_from(self._held, position))
            position += size + size % 2
        return None

    def _check(self, described: tuple[int, ...]) -> None:
        tag, channels, rate_hz, _, _, bits = described
        if (1 if tag == _EXTENSIBLE else tag, channels, bits) != _PCM16_MONO:
            message = (
                f"WAV audio of format {tag}, {channels} channels, {bits} bits; need PCM16 mono"
            )
            raise UnusableSoundError(message)
        if rate_hz != self._rate_hz:
            message = f"audio at {rate_hz} Hz; set the option rate_hz, which is {self._rate_hz}"
            raise UnusableSoundError(message)
