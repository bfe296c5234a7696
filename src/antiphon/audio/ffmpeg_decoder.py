"""A program that decodes the audio of the file that is its standard input. It needs PyAV.

It is run by its path and imports nothing else of Antiphon, so that it starts fast and has nothing
that a damaged file could reach. On its standard output it writes a line of JSON, either
``{"rate_hz": …, "channels": …}`` or ``{"problem": …}``, and then the samples: float32 in the
machine's order, the channels side by side. Its argument is FFmpeg's name of the demuxer.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from itertools import chain
from typing import Any

CODECS = ("aac", "alac", "flac", "mp3", "mp3float", "opus", "vorbis")
"""FFmpeg's names of what is decoded. It knows hundreds more, which nobody sends."""

MOST_MEMORY_BYTES = 384 << 20
"""Address space, of which Python with PyAV takes 120 MiB. A file of a few bytes may claim an index
of gigabytes."""

MOST_PROCESSOR_S = 60
"""Four hours of AAC or Opus take some 17."""

TOO_LARGE = 2
"""Exit status: it takes more memory than there is."""

_NICENESS = 10
"""Who talks to the server goes first."""

_SAMPLE_BYTES = 4


def main() -> None:
    """Decode standard input to standard output.

    The exit status is 1 if it is damaged, and :data:`TOO_LARGE` if there is no memory for it. What
    takes too long is ended by SIGXCPU.
    """
    import av  # noqa: PLC0415 (the parent imports this module, and must not load FFmpeg)
    import av.subtitles.stream  # noqa: PLC0415 (av would do so later, when it can open no file)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server's to obey, and it ends this
    _limit()
    try:
        with open(0, "rb", closefd=False) as file:
            _decode(av, file, sys.argv[1])
    except MemoryError:  # FFmpeg's, too
        sys.exit(TOO_LARGE)
    except (av.FFmpegError, ValueError):
        sys.exit(1)
    except BrokenPipeError:
        os._exit(0)  # nobody wants to hear more, not even what is still buffered


def _limit() -> None:
    with contextlib.suppress(ImportError, AttributeError):  # Windows has none of it
        import resource  # noqa: PLC0415 (it is not everywhere)

        for limited, most in (
            (resource.RLIMIT_AS, MOST_MEMORY_BYTES),
            (resource.RLIMIT_CPU, MOST_PROCESSOR_S),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_NOFILE, 0),  # no file, no socket but those that are open by now
        ):
            # Of processor time, the system ends who reaches the second bound without a word.
            last = most + 1 if limited == resource.RLIMIT_CPU else most
            with contextlib.suppress(ValueError, OSError):  # it is less already, or a Mac's memory
                resource.setrlimit(limited, (most, last))
        os.nice(_NICENESS)


def _decode(av: Any, file: Any, container: str) -> None:  # noqa: ANN401 (PyAV's, imported late)
    options = {"codec_whitelist": ",".join(CODECS)}
    with av.open(file, format=container, container_options=options) as opened:
        if not opened.streams.audio:
            _tell(problem="there is no sound in it")
            return
        stream = opened.streams.audio[0]
        if stream.codec_context is None or stream.codec_context.name not in CODECS:
            _tell(problem="its sound is of a kind that is not read")
            return
        stream.codec_context.thread_count = 1  # each thread's stack counts as memory
        frames = _decoded(av, opened, stream)
        first = next(frames, None)
        if first is None:
            _tell(problem="there is no sound in it")
            return
        # What kind of samples they are the first frame knows for sure. Later ones are made like it.
        channels = first.layout.nb_channels
        alike = av.AudioResampler(format="flt", layout=first.layout, rate=first.sample_rate)
        _tell(rate_hz=first.sample_rate, channels=channels)
        for frame in _resampled(alike, chain([first], frames)):
            samples = memoryview(frame.planes[0])[: frame.samples * channels * _SAMPLE_BYTES]
            sys.stdout.buffer.write(samples)
        sys.stdout.buffer.flush()


def _decoded(av: Any, opened: Any, stream: Any) -> Iterator[Any]:  # noqa: ANN401 (PyAV's)
    """Yield frames. What the end of the file cuts off is left out, if there is something before."""
    packets, damage, begun = opened.demux(stream), None, False
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            if damage and packet.size:  # the last, which has the decoder finish, has none
                raise damage
            for frame in packet.decode():
                begun = True
                yield frame
        except av.InvalidDataError as error:
            if damage:
                raise
            damage, packets = error, opened.demux(stream)  # whatever comes behind it
    if damage and not begun:
        raise damage


def _resampled(resampler: Any, frames: Iterator[Any]) -> Iterator[Any]:  # noqa: ANN401 (PyAV's)
    for frame in chain(frames, [None]):
        yield from resampler.resample(frame)


def _tell(**head: object) -> None:
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n")


if __name__ == "__main__":
    main()
