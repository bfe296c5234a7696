"""Samples from bytes that arrive in pieces: bare PCM, or the same in a WAV file."""

from __future__ import annotations

import struct

import numpy as np

from antiphon.audio.formats import to_floats
from antiphon.engines.base import Floats
from antiphon.engines.http.sniffing import is_undecided, misfit_of, misfit_of_type

__all__ = ["PcmReader", "UnusableSoundError"]

_CHUNK_HEADER = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_FORM_BYTES = 4
"""Of ``WAVE``, which says what kind of RIFF file it is."""

_PCM16_MONO = (1, 1, 16)
_EXTENSIBLE = 0xFFFE
"""Format tag of WAV files that say what they hold further on, which here is the same."""

_UNKNOWN_SIZES = frozenset({0, 0xFFFFFFFF})
"""What servers write that stream a file whose length they do not know yet."""


class UnusableSoundError(ValueError):
    """A server sends sound that is not what was asked for. The message quotes nothing of it."""


class PcmReader:
    """Reads one answer: 16-bit little-endian mono samples.

    Servers that were asked for PCM and send a WAV file are common; its header is left out, and so
    is what follows the samples.

    Args:
        rate_hz: The sample rate that is expected.
        content_type: What the server calls it; empty if it does not say.
    """

    def __init__(self, rate_hz: int, content_type: str = "") -> None:
        self._rate_hz = rate_hz
        self._content_type = content_type
        self._held = b""
        self._begun = False
        self._skip_bytes = 0  # before the next chunk of a WAV file
        self._sample_bytes: int | None = 0  # before that; None for all that comes

    def push(self, piece: bytes) -> Floats:
        """Return the samples that are complete with the next bytes.

        Returns:
            Shape (n,), float32; possibly empty.

        Raises:
            UnusableSoundError: It is something else, or has other samples; the message says what.
        """
        self._held += piece
        found = b""
        if self._begun or self._begin():
            while self._sample_bytes != 0 or self._find_samples():
                found += self._take()
                if self._sample_bytes != 0:  # which are still to come
                    break
        return to_floats(np.frombuffer(found, "<i2"))

    def _begin(self) -> bool:
        """Find out what it is; return whether that can be told yet."""
        if is_undecided(self._held):
            return False
        self._begun = True
        if self._held.startswith(b"RIFF"):  # whatever it is called
            return True
        misfit = misfit_of_type(self._content_type, self._rate_hz) or misfit_of(self._held)
        if misfit is not None:
            raise UnusableSoundError(misfit)
        self._sample_bytes = None
        return True

    def _take(self) -> bytes:
        """Take off the samples that have come."""
        size = len(self._held) // 2 * 2
        if self._sample_bytes is not None:
            size = min(size, self._sample_bytes)
            self._sample_bytes -= size
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def _find_samples(self) -> bool:
        """Pass over what is no sound in a WAV file; return whether samples come next."""
        while True:
            passed = min(self._skip_bytes, len(self._held))
            self._held = self._held[passed:]
            self._skip_bytes -= passed
            if self._skip_bytes or len(self._held) < _CHUNK_HEADER.size:
                return False
            name, size = _CHUNK_HEADER.unpack_from(self._held)
            match name:
                case b"RIFF":  # the chunks are in it; some servers send one file after the other
                    size = _FORM_BYTES
                case b"fmt ":
                    if len(self._held) < _CHUNK_HEADER.size + _FORMAT.size:
                        return False
                    self._check(_FORMAT.unpack_from(self._held, _CHUNK_HEADER.size))
            self._held = self._held[_CHUNK_HEADER.size :]
            if name == b"data":
                self._sample_bytes = None if size in _UNKNOWN_SIZES else size // 2 * 2
                self._skip_bytes = size % 2 * 2
                return True
            self._skip_bytes = size + size % 2

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
