"""The audio of one answer on its way to the session, in pieces between which a client can stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from antiphon.audio.formats import codec_of
from antiphon.core.plan import Plan
from antiphon.core.signals import AudioGenerated, SegmentSpoken, Signal
from antiphon.engines.base import Floats
from antiphon.observe import Moment

__all__ = ["DELTA_S", "Sounding"]

DELTA_S = 0.2
"""Longest audio in one delta. A frame of 24 kHz PCM then is 13 kB of JSON, and a client that is
interrupted has little in flight."""


class Sounding:
    """Passes an answer's audio on, in the format that the client wants.

    Args:
        plan: The answer.
        feed: Takes the audio.
        room: Waits while the client is too far behind.
        mark: Notes when the first of it is there.
    """

    def __init__(
        self,
        plan: Plan,
        feed: Callable[[Signal], None],
        room: Callable[[], Awaitable[None]],
        mark: Callable[[Moment], None],
    ) -> None:
        self._response_id = plan.response_id
        self._codec = codec_of(plan.output_format)
        self._feed = feed
        self._room = room
        self._mark = mark

    @property
    def rate_hz(self) -> int:
        """Sample rate of what is passed on."""
        return self._codec.rate_hz

    async def sound(self, samples: Floats) -> None:
        """Pass audio on.

        Args:
            samples: Shape (n,), float32 at :attr:`rate_hz`, of any length.
        """
        for piece in _pieces(samples, round(DELTA_S * self.rate_hz)):
            await self._room()
            self._mark(Moment.FIRST_AUDIO)
            duration_ms = len(piece) * 1000 / self.rate_hz
            self._feed(AudioGenerated(self._response_id, self._codec.encode(piece), duration_ms))

    def align(self, end_chars: int) -> None:
        """Note that the answer's words are spoken up to a position, with what was passed on."""
        self._feed(SegmentSpoken(self._response_id, end_chars))


def _pieces(samples: Floats, longest: int) -> Iterator[Floats]:
    return (samples[start : start + longest] for start in range(0, len(samples), longest))
