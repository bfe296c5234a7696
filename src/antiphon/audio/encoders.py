"""Speech as a file, byte by byte while it is spoken: what ``/v1/audio/speech`` answers with.

Some containers state their length at the beginning, where nobody knows it yet. WAV then says the
longest there is, as the hosted service's does; MP3 has a constant bit rate, by which players work
the length out; Ogg and AAC need none. FLAC without it confuses decoders, so it comes as a whole.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import soundfile

from antiphon.audio.formats import Codec, Floats

__all__ = ["ENCODINGS", "Encoder", "Encoding"]

_UNKNOWN_LENGTH = 0xFFFFFFFF

_AAC_BITS_PER_S = 64_000

_MP3_COMPRESSION = 0.6
"""Of libsndfile's 0 … 1: 64 kbit/s at 24 kHz, transparent for one voice."""


class Encoder(Protocol):
    """Encodes one stream, which is not empty. Blocks: use it on a thread."""

    def push(self, samples: Floats) -> bytes:
        """Return what can be said of the file with more samples: shape (n,), float32."""
        ...

    def finish(self) -> bytes:
        """Return the rest of the file."""
        ...


@dataclass(frozen=True)
class Encoding:
    """A kind of file.

    Attributes:
        media_type: Its MIME type.
        open: Makes an encoder, for mono samples of the codec's rate.
    """

    media_type: str
    open: Callable[[Codec], Encoder]


class _Pcm:
    """Bare samples of 16 bits, little-endian."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def push(self, samples: Floats) -> bytes:
        return self._codec.encode(samples)

    def finish(self) -> bytes:
        return b""


class _Wav(_Pcm):
    """The same behind a header."""

    def __init__(self, codec: Codec) -> None:
        super().__init__(codec)
        self._header = _wav_header(codec)

    def push(self, samples: Floats) -> bytes:
        header, self._header = self._header, b""
        return header + super().push(samples)


class _Compressed:
    """What libsndfile encodes.

    Args:
        codec: Says the sample rate.
        written: What it is written to. A :class:`_Outlet` goes out meanwhile, without what
            libsndfile would put into the beginning at the end; others once they are complete.
        form: The file's kind, as :class:`soundfile.SoundFile` takes it.
    """

    def __init__(
        self,
        codec: Codec,
        written: _Outlet | io.BytesIO,
        **form: Any,  # noqa: ANN401 (untyped library)
    ) -> None:
        self._written = written
        self._longest = codec.rate_hz  # libsndfile's Ogg writers do not like much at once
        self._file = soundfile.SoundFile(written, "w", codec.rate_hz, 1, **form)

    def push(self, samples: Floats) -> bytes:
        for start in range(0, len(samples), self._longest):
            self._file.write(samples[start : start + self._longest])
        return self._written.take() if isinstance(self._written, _Outlet) else b""

    def finish(self) -> bytes:
        self._file.close()
        if isinstance(self._written, _Outlet):
            return self._written.take()
        return self._written.getvalue()


class _Aac:
    """AAC with a header before each 43 ms (ADTS), by FFmpeg: what is encoded is our own."""

    def __init__(self, codec: Codec) -> None:
        import av  # noqa: PLC0415 (an optional extra, and 60 ms)

        self._new_frame = av.AudioFrame.from_ndarray
        self._rate_hz = codec.rate_hz
        self._outlet = _Outlet()
        # Each piece is to go out as it is ready, not by the 32 KiB.
        self._file = av.open(
            self._outlet, "w", format="adts", container_options={"flush_packets": "1"}
        )
        self._track: Any = self._file.add_stream(
            "aac", rate=codec.rate_hz, layout="mono", bit_rate=_AAC_BITS_PER_S
        )
        self._track.codec_context.open()
        self._cut = av.AudioResampler(
            "fltp", "mono", codec.rate_hz, frame_size=self._track.codec_context.frame_size
        )

    def push(self, samples: Floats) -> bytes:
        frame = self._new_frame(samples[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = self._rate_hz
        self._write(self._cut.resample(frame))
        return self._outlet.take()

    def finish(self) -> bytes:
        self._write([*self._cut.resample(None), None])
        self._file.close()
        return self._outlet.take()

    def _write(self, frames: Iterable[Any]) -> None:
        for frame in frames:
            self._file.mux(self._track.encode(frame))


class _Outlet:
    """A file that is sent away while it is written: what has gone cannot be changed any more."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._end = 0
        self._position = 0

    def take(self) -> bytes:
        """Return what was appended since this was called last."""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken

    # --- as libraries see it ----------------------------------------------------------------------

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end}[whence]
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, _size: int = -1) -> bytes:
        return b""

    def write(self, piece: bytes) -> int:
        """Append; what would overwrite the header with the file's length is dropped."""
        if self._position == self._end:
            self._waiting += piece
            self._end += len(piece)
        self._position += len(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""


def _wav_header(codec: Codec) -> bytes:
    """Return the header of a file whose length is not known (RIFF WAVE, format tag 1)."""
    width = codec.bytes_per_sample
    layout = (16, 1, 1, codec.rate_hz, codec.rate_hz * width, width, width * 8)
    return b"".join(
        (
            b"RIFF" + struct.pack("<I", _UNKNOWN_LENGTH),
            b"WAVEfmt " + struct.pack("<IHHIIHH", *layout),
            b"data" + struct.pack("<I", _UNKNOWN_LENGTH),
        )
    )


def _mp3(codec: Codec) -> Encoder:
    return _Compressed(
        codec,
        _Outlet(),
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=_MP3_COMPRESSION,
    )


def _opus(codec: Codec) -> Encoder:
    return _Compressed(codec, _Outlet(), format="OGG", subtype="OPUS")


def _flac(codec: Codec) -> Encoder:
    return _Compressed(codec, io.BytesIO(), format="FLAC", subtype="PCM_16")


ENCODINGS = {
    "mp3": Encoding("audio/mpeg", _mp3),
    "opus": Encoding("audio/ogg", _opus),
    "aac": Encoding("audio/aac", _Aac),
    "flac": Encoding("audio/flac", _flac),
    "wav": Encoding("audio/wav", _Wav),
    "pcm": Encoding("audio/pcm", _Pcm),
}
"""Kinds of files that can be written, by their names in the API. For AAC it takes PyAV; see
:func:`antiphon.audio.ffmpeg.is_installed`."""
