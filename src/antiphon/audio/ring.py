"""What a session has heard and may still need, addressed by absolute sample.

Detection, transcription and truncation all speak of samples since the session began. The ring
keeps the most recent of them under exactly those numbers, so nobody has to translate.
"""

from __future__ import annotations

import numpy as np

from antiphon.audio.formats import Floats, Int16s, to_floats, to_int16s

__all__ = ["Ring"]

_BLOCK_SAMPLES = 4096  # 8 KiB; a quarter of a second at 16 kHz


class Ring:
    """A bounded window ``[start, end)`` onto an endless stream of mono samples.

    Samples are kept in 16 bits, which is what the wire carries, in blocks of 256 ms.
    Appending copies each sample once and never moves it again; blocks are freed as soon as all
    of their samples are dropped.

    What to do when the ring is full is the caller's policy: look at :attr:`room_samples`, and drop
    or refuse.
    """

    def __init__(self, *, capacity_samples: int) -> None:
        self._capacity_samples = capacity_samples
        self._blocks: list[Int16s] = []  # a deque would take more memory, and this stays short
        self._first_block_start = 0
        self._start = 0
        self._end = 0

    @property
    def start(self) -> int:
        """The oldest sample that is kept."""
        return self._start

    @property
    def end(self) -> int:
        """One past the newest sample: how many were ever appended."""
        return self._end

    @property
    def room_samples(self) -> int:
        """How many samples can be appended before something has to be dropped."""
        return self._capacity_samples - (self._end - self._start)

    def append(self, samples: Floats) -> None:
        """Append samples at :attr:`end`.

        Args:
            samples: Shape (n,), float32 in -1.0 … 1.0; louder ones are clipped.

        Raises:
            BufferError: There is no room for all of them; nothing was appended.
        """
        if len(samples) > self.room_samples:
            message = (
                f"{len(samples)} samples do not fit: the ring keeps {self._capacity_samples} and "
                f"has room for {self.room_samples}. Drop older audio first."
            )
            raise BufferError(message)
        rest = to_int16s(samples)
        while len(rest):
            used = (self._end - self._first_block_start) % _BLOCK_SAMPLES
            if not used:
                self._blocks.append(np.empty(_BLOCK_SAMPLES, np.int16))
            fits = min(len(rest), _BLOCK_SAMPLES - used)
            self._blocks[-1][used : used + fits] = rest[:fits]
            self._end += fits
            rest = rest[fits:]

    def read(self, start: int, end: int) -> Floats:
        """Copy the span ``[start, end)``.

        Returns:
            Shape (end - start,), float32.

        Raises:
            LookupError: Part of the span was dropped, or has not been heard yet.
        """
        if not self._start <= start <= end <= self._end:
            message = (
                f"Samples {start} to {end} were asked for, but the ring keeps only {self._start} "
                f"to {self._end}."
            )
            raise LookupError(message)
        span = np.empty(end - start, np.float32)
        done = 0
        while done < len(span):
            index, offset = divmod(start + done - self._first_block_start, _BLOCK_SAMPLES)
            piece = self._blocks[index][offset : offset + len(span) - done]
            span[done : done + len(piece)] = to_floats(piece)
            done += len(piece)
        return span

    def drop_before(self, sample: int) -> int:
        """Forget everything before ``sample``, or everything if it lies beyond :attr:`end`.

        Returns:
            How many samples were dropped; 0 if they had been dropped before.
        """
        new_start = min(max(sample, self._start), self._end)
        dropped = new_start - self._start
        self._start = new_start
        passed = min((new_start - self._first_block_start) // _BLOCK_SAMPLES, len(self._blocks))
        del self._blocks[:passed]
        self._first_block_start += passed * _BLOCK_SAMPLES
        return dropped
