"""Audio files as they are uploaded: any of a few containers, read forwards, never as a whole.

libsndfile decodes them, and FFmpeg what browsers and telephones record. A file of 25 MB may hold
hours of speech, so it is read in blocks, and what it claims about itself is believed as little as
possible: its length is what can be read.
"""

from __future__ import annotations

from typing import BinaryIO, Protocol

import numpy as np
import soundfile
import soxr

from antiphon.audio import ffmpeg
from antiphon.audio.ffmpeg import FfmpegError, FfmpegFile
from antiphon.audio.formats import Floats
from antiphon.errors import RequestError

__all__ = ["MAX_CHANNELS", "MAX_FILE_S", "MAX_RATE_HZ", "MIN_RATE_HZ", "AudioReader"]

MAX_FILE_S = 4 * 3600
"""Longest file that is read. Lossless silence packs days into a few megabytes."""

MIN_RATE_HZ = 4_000
MAX_RATE_HZ = 192_000
MAX_CHANNELS = 8

_CONTAINERS = frozenset({"WAV", "WAVEX", "FLAC", "MP3", "OGG"})
"""Names by libsndfile; it knows many more, which nobody sends and which need not be parsed."""

_BY_LIBSNDFILE = "WAV, FLAC, MP3, and Ogg with Opus, Vorbis or FLAC"

_READABLE = f"WebM, MP4 (M4A), AAC, {_BY_LIBSNDFILE}"

_BY_FFMPEG = (
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska", "matroska"),
    (4, b"ftyp", "MP4 (M4A)", "mov"),
    (0, b"\xff\xf1", "AAC", "aac"),
    (0, b"\xff\xf9", "AAC", "aac"),
)
"""Where and what files begin with that FFmpeg reads, what they are called, and its name for it."""


class AudioReader:
    """Reads a file's audio as mono samples of one rate. Blocks: use it on a thread.

    Attributes:
        rate_hz: Rate of what is read.

    Args:
        file: Seekable, at any position; the caller closes it.
        rate_hz: Sample rate wanted.

    Raises:
        RequestError: ``not_implemented``: it takes PyAV to read it, which is not installed;
            ``invalid_value``: it is no audio file, or one of a rate, length or number of channels
            out of bounds.
    """

    def __init__(self, file: BinaryIO, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._file = _opened(file)
        self._resampler = soxr.ResampleStream(self._file.samplerate, rate_hz, 1, dtype="float32")
        self._read_samples = 0  # at the file's rate
        self._ended = False

    @property
    def read_s(self) -> float:
        """Length of the file as far as it has been read, in seconds."""
        return self._read_samples / float(self._file.samplerate)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def read(self, duration_s: float) -> Floats:
        """Read on.

        Args:
            duration_s: About how much.

        Returns:
            Shape (n,), float32 at ``rate_hz``, channels averaged; empty at the end of the file.

        Raises:
            RequestError: ``invalid_value``: the file is damaged, other than by breaking off, or
                longer than is allowed.
        """
        while not self._ended:
            wanted_samples = max(1, round(duration_s * self._file.samplerate))
            try:
                samples = self._file.read_block(wanted_samples)
            except (soundfile.LibsndfileError, FfmpegError) as error:
                raise _damaged(error) from error
            self._read_samples += len(samples)
            _check_length(self.read_s)
            self._ended = not len(samples)
            bounded = np.clip(np.nan_to_num(samples), -1, 1)  # a WAV file may hold any float32
            mono = bounded.mean(axis=1, dtype=np.float32)
            resampled: Floats = self._resampler.resample_chunk(mono, last=self._ended)
            if len(resampled):
                return resampled
        return np.zeros(0, np.float32)


class _AudioFile(Protocol):
    """A file that is only read forwards; attributes as soundfile has them."""

    samplerate: int
    channels: int

    def read_block(self, wanted_samples: int) -> Floats:
        """Read on: shape (n, channels), float32; n is 0 at the end."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class _SoundFile(soundfile.SoundFile):  # type: ignore[misc]  # untyped library
    """What libsndfile reads."""

    def __init__(self, file: BinaryIO) -> None:
        self._source = file
        self._begun = False
        super().__init__(file)

    def read_block(self, wanted_samples: int) -> Floats:
        block = np.full((wanted_samples, self.channels), np.nan, np.float32)
        try:
            samples: Floats = self.read(out=block)
        except soundfile.LibsndfileError:
            # Of FLAC that breaks off. What was decoded before that is in the block.
            samples = block[: np.count_nonzero(~np.isnan(block[:, 0]))]
            if self._source.read(1) or not (self._begun or len(samples)):
                raise
        self._begun = True
        return samples

    def seekable(self) -> bool:
        """Say no: otherwise soundfile seeks after each read, which fails in streamed FLAC."""
        return False


def _opened(file: BinaryIO) -> _AudioFile:
    """Open a file with whoever reads its kind, and check what it says of itself."""
    opened = _opened_by_ffmpeg(file) or _opened_by_libsndfile(file)
    try:
        _check_bounds(opened)
    except RequestError:
        opened.close()
        raise
    return opened


def _opened_by_ffmpeg(file: BinaryIO) -> FfmpegFile | None:
    head = _head(file)
    for offset, mark, name, container in _BY_FFMPEG:
        if head[offset:].startswith(mark):
            if not ffmpeg.is_installed():
                message = (
                    f"The file is {name}, for which this server lacks PyAV: "
                    f"pip install 'antiphon[recordings]'. Or send {_BY_LIBSNDFILE}."
                )
                raise RequestError(message, code="not_implemented", param="file")
            try:
                return FfmpegFile(file, container)
            except FfmpegError as error:
                raise _damaged(error) from error
    return None


def _opened_by_libsndfile(file: BinaryIO) -> _SoundFile:
    try:
        opened = _SoundFile(file)
    except (soundfile.LibsndfileError, TypeError) as error:
        raise _damaged(error) from error
    if opened.format not in _CONTAINERS:
        message = f"Files of the kind '{opened.format}' are not read here. Send {_READABLE}."
        raise RequestError(message, code="invalid_value", param="file")
    return opened


def _check_bounds(opened: _AudioFile) -> None:
    if not MIN_RATE_HZ <= opened.samplerate <= MAX_RATE_HZ:
        message = (
            f"The file has {opened.samplerate} samples a second; files of {MIN_RATE_HZ} to "
            f"{MAX_RATE_HZ} are read."
        )
        raise RequestError(message, code="invalid_value", param="file")
    if opened.channels > MAX_CHANNELS:
        message = f"The file has {opened.channels} channels; at most {MAX_CHANNELS} are read."
        raise RequestError(message, code="invalid_value", param="file")


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    return head


def _damaged(error: Exception) -> RequestError:
    reason = str(error).rpartition(": ")[2].rstrip(".")
    message = f"Audio file might be corrupted or unsupported ({reason}). Send {_READABLE}."
    return RequestError(message, code="invalid_value", param="file")


def _check_length(duration_s: float) -> None:
    if duration_s > MAX_FILE_S:
        message = (
            f"The audio is longer than {MAX_FILE_S} s, which is the most that is transcribed in "
            "one request. Send it in parts."
        )
        raise RequestError(message, code="invalid_value", param="file")
