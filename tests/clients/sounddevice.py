"""A sound card without sound: what the package of this name offers, as far as examples use it.

The microphone hears a second of a tone, then silence; nobody listens to the loudspeaker.
"""

from __future__ import annotations

import math
import threading
from array import array
from collections.abc import Callable
from typing import Any, Self

__all__ = ["RawInputStream", "RawOutputStream"]

_TONE_HZ = 200
_AMPLITUDE = 10_000
_TONE_S = 1.0

Callback = Callable[[Any, int, object, object], None]


class _Stream:
    def __init__(self, *, callback: Callback, samplerate: int, blocksize: int = 480, **_: object):
        self._callback = callback
        self._rate_hz = samplerate
        self._block_samples = blocksize
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        first = 0
        while not self._closed.wait(self._block_samples / self._rate_hz):
            self._callback(self._block(first), self._block_samples, None, None)
            first += self._block_samples

    def _block(self, first: int) -> bytearray:
        raise NotImplementedError


class RawInputStream(_Stream):
    """A microphone."""

    def _block(self, first: int) -> bytearray:
        samples = array("h")
        for sample in range(first, first + self._block_samples):
            at_s = sample / self._rate_hz
            loud = _AMPLITUDE if at_s < _TONE_S else 0
            samples.append(round(loud * math.sin(2 * math.pi * _TONE_HZ * at_s)))
        return bytearray(samples.tobytes())


class RawOutputStream(_Stream):
    """A loudspeaker."""

    def _block(self, first: int) -> bytearray:
        return bytearray(self._block_samples * 2)
