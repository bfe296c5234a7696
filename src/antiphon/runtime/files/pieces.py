"""Cuts a file's audio where the speaker pauses, while it is read."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator

import anyio
import numpy as np
from msgspec import Struct

from antiphon.audio.files import AudioReader
from antiphon.audio.ring import Ring
from antiphon.core.clock import INPUT_CLOCK_HZ, Span
from antiphon.core.phrases import Phrases
from antiphon.core.signals import SpeechProbability
from antiphon.engines.base import Floats
from antiphon.errors import EngineError, RequestError
from antiphon.runtime.detection import Detection

__all__ = ["MAX_WHOLE_S", "Piece", "spoken_pieces", "whole_file"]

MAX_WHOLE_S = 600
"""Longest file that is held as a whole, for who has to hear all of it at once. Ten minutes are
38 MB."""

_BLOCK_S = 8.0
"""How much is read at once. Detection rests for a moment after each block."""

_HELD_S = 120
"""Bound of what is held of a file: a piece with the block in which it ends, several times over."""


class Piece(Struct, frozen=True):
    """A stretch of a file.

    Attributes:
        span: Where it lies, in samples at 16 kHz since the file began.
        audio: Its samples, shape (n,), float32 at 16 kHz.
    """

    span: Span
    audio: Floats

    @property
    def start_s(self) -> float:
        """Where it begins, in seconds of the file."""
        return self.span.start / INPUT_CLOCK_HZ

    @property
    def end_s(self) -> float:
        """Where it ends, in seconds of the file."""
        return self.span.end / INPUT_CLOCK_HZ


async def spoken_pieces(
    reader: AudioReader, detection: Detection, phrases: Phrases
) -> AsyncGenerator[Piece, None]:
    """Yield what is spoken in a file, piece by piece; nothing is read ahead of who takes them.

    Args:
        reader: Reads it, at 16 kHz.
        detection: Says where somebody speaks.
        phrases: Says where to cut.

    Raises:
        RequestError: The file is damaged or too long.
        EngineError: stage ``detect``: the detector failed.
    """
    judged = _JudgedAudio(detection, phrases)
    try:
        while len(block := await anyio.to_thread.run_sync(reader.read, _BLOCK_S)):
            await judged.append(block)
            for piece in judged.take():
                yield piece
        await judged.end()
        for piece in judged.take():
            yield piece
    finally:
        detection.forget(judged)


async def whole_file(reader: AudioReader, longest_s: float) -> Piece:
    """Return a file as one piece, for a transcriber that has to hear all of it.

    Args:
        reader: Reads it, at 16 kHz.
        longest_s: How long it may be.

    Raises:
        RequestError: The file is damaged or too long.
    """
    blocks: list[Floats] = []
    while len(block := await anyio.to_thread.run_sync(reader.read, _BLOCK_S)):
        if reader.read_s > longest_s:
            message = (
                f"The audio is longer than {longest_s:g} s, which is the most in which speakers "
                "are told apart. Send it in parts, or ask for another 'response_format'."
            )
            raise RequestError(message, code="invalid_value", param="file")
        blocks.append(block)
    audio = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    return Piece(Span(0, len(audio)), audio)


class _JudgedAudio:
    """A file's audio on its way through voice detection: one of detection's listeners."""

    def __init__(self, detection: Detection, phrases: Phrases) -> None:
        self.detector_state = detection.initial_state()
        self._detection = detection
        self._phrases = phrases
        self._ring = Ring(capacity_samples=_HELD_S * INPUT_CLOCK_HZ)
        self._taken_until = 0  # of frames
        self._spans: deque[Span] = deque()
        self._idle = anyio.Event()
        self._failure: Exception | None = None

    async def append(self, audio: Floats) -> None:
        """Have more of the file judged, and wait for that.

        Raises:
            EngineError: The detector failed.
        """
        self._ring.append(audio)
        self._idle = anyio.Event()
        self._detection.notify(self)
        await self._idle.wait()
        if self._failure is not None:
            message = f"The voice detector failed: {self._failure}"
            raise EngineError(message, stage="detect") from self._failure

    async def end(self) -> None:
        """Have the last of the file judged; what it is short of a frame is silence."""
        end = self._ring.end
        await self.append(np.zeros(-end % self._detection.frame_samples, np.float32))
        if last := self._phrases.finish(end):
            self._spans.append(last)

    def take(self) -> list[Piece]:
        """Return the pieces that have been cut since this was called last."""
        pieces = [Piece(span, self._ring.read(span.start, span.end)) for span in self._spans]
        self._spans.clear()
        self._ring.drop_before(min(self._phrases.needed_from, self._taken_until))
        return pieces

    # --- as a listener of the detector ------------------------------------------------------------

    def next_frame(self) -> Floats | None:
        """Take the next frame that has not been judged; ``None`` if there is none."""
        end = self._taken_until + self._detection.frame_samples
        if end > self._ring.end:
            self._idle.set()
            return None
        frame = self._ring.read(self._taken_until, end)
        self._taken_until = end
        return frame

    def judge(self, probability: float, level_dbfs: float) -> None:
        """Take the judgement of the frame taken last."""
        start = self._taken_until - self._detection.frame_samples
        span = self._phrases.judge(
            SpeechProbability(start, self._taken_until, probability, level_dbfs)
        )
        if span is not None:
            self._spans.append(span)

    def detection_failed(self, error: Exception) -> None:
        """Note that there will be no more judgements."""
        self._failure = error
        self._idle.set()
