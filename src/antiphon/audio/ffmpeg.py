"""WebM, MP4 and AAC, as browsers and telephones record them. FFmpeg decodes them, by PyAV.

It does so in a process of its own, a program that has nothing of this server
(:mod:`antiphon.audio.ffmpeg_decoder`): what a stranger uploads may crash FFmpeg or have it ask for
all memory there is, and then only that file is lost. To start it takes less than 0.1 s.
"""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import sys
from tempfile import TemporaryFile
from typing import BinaryIO

import msgspec
import numpy as np
from msgspec import Struct

from antiphon.audio import ffmpeg_decoder
from antiphon.audio.formats import Floats

__all__ = ["FfmpegError", "FfmpegFile", "is_installed"]

_SAMPLE_BYTES = 4

_LONGEST_HEAD_BYTES = 1000


class FfmpegError(Exception):
    """A file could not be decoded; the text says why, as part of a sentence."""


class _Head(Struct):
    """What the program says before it sends samples: how they are, or that there will be none."""

    rate_hz: int = 0
    channels: int = 0
    problem: str = ""


def is_installed() -> bool:
    """Return whether PyAV is there."""
    return importlib.util.find_spec("av") is not None


class FfmpegFile:
    """A file that is read forwards. Blocks: use it on a thread.

    Args:
        file: Seekable, at its beginning; it is copied.
        container: What it is, by FFmpeg's name of the demuxer. No other is tried.

    Attributes:
        samplerate: Samples a second.
        channels: How many.

    Raises:
        FfmpegError: There is no audio in it that can be decoded.
    """

    def __init__(self, file: BinaryIO, container: str) -> None:
        with TemporaryFile() as content:
            shutil.copyfileobj(file, content)
            content.seek(0)
            # -I: nothing of the environment, or of the folder we are in, has a say.
            self._process = subprocess.Popen(  # noqa: S603 (this program's own)
                [sys.executable, "-I", ffmpeg_decoder.__file__, container],
                stdin=content,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        assert self._process.stdout is not None
        self._decoded = self._process.stdout
        try:
            head = self._read_head()
        except BaseException:
            self.close()
            raise
        self.samplerate, self.channels = head.rate_hz, head.channels

    def close(self) -> None:
        """Stop decoding."""
        self._process.kill()
        self._process.wait()
        self._decoded.close()

    def read_block(self, wanted_samples: int) -> Floats:
        """Read on.

        Returns:
            Shape (n, channels), float32; less than was wanted at the end, where n is 0 at last.

        Raises:
            FfmpegError: The file is damaged.
        """
        size_bytes = self.channels * _SAMPLE_BYTES
        content = self._decoded.read(wanted_samples * size_bytes)
        if len(content) < wanted_samples * size_bytes and self._process.wait():
            raise FfmpegError(self._reason())
        whole = len(content) // size_bytes * size_bytes
        return np.frombuffer(content[:whole], "<f4").reshape(-1, self.channels)

    def _read_head(self) -> _Head:
        line = self._decoded.readline(_LONGEST_HEAD_BYTES)
        try:
            head = msgspec.json.decode(line, type=_Head)
        except msgspec.DecodeError:  # the program has ended before it knew
            raise FfmpegError(self._reason()) from None
        if head.problem:
            raise FfmpegError(head.problem)
        return head

    def _reason(self) -> str:
        """Say why the program has ended."""
        status = self._process.wait()
        if status == ffmpeg_decoder.TOO_LARGE:
            most_mib = ffmpeg_decoder.MOST_MEMORY_BYTES >> 20
            return f"to decode it takes more than {most_mib} MiB of memory"
        if status == -getattr(signal, "SIGXCPU", 0):
            most_s = ffmpeg_decoder.MOST_PROCESSOR_S
            return f"to decode it takes more than {most_s} s of processor time"
        return "it could not be decoded"
