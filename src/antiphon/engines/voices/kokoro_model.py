"""Kokoro's network, run so that speech begins before all of it is computed.

It has two parts. The first reads the whole utterance: how long each phoneme is, its melody, and a
coarse picture of its sound, 80 frames a second. The second, which is nine tenths of the work, turns
frames into samples. It is run on a window of frames at a time.

A window's samples depend on the frames nearby, 8 on either side, and a little on all: the second
part normalizes loudness and colour over the time that it sees. So each window is given much of
what came before as well, which is about half more work. Compared with speech made in one go, the
level of what is heard differs by 1.7 dB in the mean; a recognizer understood as many words, give or
take two of 384. Windows that grow faster differ less (1.3 dB), but leave gaps on a busy machine.

The network computes with the 8-bit weights as they are released. Turning them back into floats is
not faster, nor is fusing its normalizations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np

from antiphon.engines.base import Floats
from antiphon.engines.native.onnx import open_session
from antiphon.engines.native.onnx_parts import part_of, read_model
from antiphon.errors import EngineError

__all__ = ["FRAME_SAMPLES", "KOKORO_RATE_HZ", "KokoroModel", "Window", "windows"]

KOKORO_RATE_HZ = 24_000

FRAME_SAMPLES = 300
"""12.5 ms."""

_FRAMES = "/decoder/decoder/decode.3/Div_4_output_0"
"""Where the model is cut: the coarse sound, shape (1, 512, frames)."""

_EXCITATION = "/decoder/decoder/generator/m_source/l_tanh/Tanh_output_0"
"""And the vibration of the vocal cords, shape (1, samples, 1), whose phase runs on from window to
window."""

_CUTS = {_FRAMES: (1, 512, None), _EXCITATION: (1, None, 1)}

_EDGE_TOKEN = 0
"""Stands before and after all phonemes."""

_WINDOW_FRAMES = (72, 72, 128, 256)
"""0.9, 0.9, 1.6 and 3.2 s; all further windows are like the last. On one core, which needs a
quarter of the time that is seen, each is computed while the one before is heard; of the first,
0.3 s are silence."""

_PAST_FRAMES = 80
_FUTURE_FRAMES = 8
_SHORTEST_FRAMES = 32
"""A shorter rest goes with the window before it."""

_FADE_SAMPLES = 60
"""2.5 ms in which a window takes over from the one before."""


class Window(NamedTuple):
    """A stretch of an utterance, in frames.

    Attributes:
        seen_from: Where the network begins to see.
        start: Where the stretch begins.
        end: Where it ends.
        seen_to: Where the network stops seeing.
    """

    seen_from: int
    start: int
    end: int
    seen_to: int


def windows(frames: int) -> Iterator[Window]:
    """Cut an utterance into the windows that it is computed in."""
    start = 0
    for size in chain(_WINDOW_FRAMES, repeat(_WINDOW_FRAMES[-1])):
        end = start + size if frames - start - size >= _SHORTEST_FRAMES else frames
        yield Window(max(0, start - _PAST_FRAMES), start, end, min(frames, end + _FUTURE_FRAMES))
        if end == frames:
            return
        start = end


class KokoroModel:
    """Turns phonemes into speech.

    Args:
        path: An ONNX export of Kokoro v1.0, as kokoro-onnx releases it.

    Raises:
        EngineError: A library is missing, or the file is something else.
    """

    def __init__(self, path: Path) -> None:
        model = read_model(path, "synthesize")
        try:
            first = part_of(model, ["tokens", "style", "speed"], [*_CUTS], _CUTS)
            second = part_of(model, [*_CUTS, "style"], ["audio"], _CUTS)
        except LookupError as error:
            message = f"{path} is no export of Kokoro v1.0 that can be cut in two: {error}"
            raise EngineError(message, stage="synthesize", code="weights_unreadable") from error
        # One thread each: with a second, a loaded machine takes longer than with one.
        self._read = open_session(path, threads=1, stage="synthesize", content=first)
        self._sound = open_session(path, threads=1, stage="synthesize", content=second)

    def speak(self, phonemes: Sequence[int], style: Floats, speed: float) -> Iterator[Floats]:
        """Speak an utterance.

        Args:
            phonemes: At most 510, as ``kokoro_phonemes.encode`` numbers them.
            style: How the voice says as many phonemes: shape (1, 256).
            speed: Speaking rate, 1.0 is natural.

        Yields:
            Chunks of mono samples at 24 kHz, shape (n,).
        """
        reading = {
            "tokens": np.array([[_EDGE_TOKEN, *phonemes, _EDGE_TOKEN]], np.int64),
            "style": style,
            "speed": np.array([speed], np.float32),
        }
        frames, excitation = self._read.run([*_CUTS], reading)
        tail = np.zeros(0, np.float32)
        for window in windows(frames.shape[2]):
            seen = slice(window.seen_from * FRAME_SAMPLES, window.seen_to * FRAME_SAMPLES)
            sounding = {
                _FRAMES: frames[:, :, window.seen_from : window.seen_to],
                _EXCITATION: excitation[:, seen],
                "style": style,
            }
            (audio,) = self._sound.run(["audio"], sounding)
            start, end = (
                (frame - window.seen_from) * FRAME_SAMPLES for frame in (window.start, window.end)
            )
            yield _faded(tail, audio[start:end])
            tail = audio[end : end + _FADE_SAMPLES]


def _faded(tail: Floats, audio: Floats) -> Floats:
    """Return the audio, having taken over from the tail of what was before it."""
    share = np.linspace(0, 1, tail.size, dtype=np.float32)
    begun = tail * (1 - share) + audio[: tail.size] * share
    return np.concatenate([begun, audio[tail.size :]])
