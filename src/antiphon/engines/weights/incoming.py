"""A file on its way in, from whichever source: hashed as it comes, and accepted only if right."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["BLOCK_BYTES", "Incoming", "SourceError", "WrongBytesError", "bytes_to_come"]

BLOCK_BYTES = 1 << 20
"""How much of a file is read at a time."""


class SourceError(Exception):
    """A source did not deliver; the message is the reason."""


class WrongBytesError(SourceError):
    """What a source delivered is not the file."""


class Incoming:
    """A file on its way in: ``FILE.part``, and the hash of what it holds so far.

    As a context it begins with what an interrupted fetch has left, and leaves a part behind only
    if there is something in it to continue from.

    Attributes:
        name: What the file is called.
        total_bytes: How much it will be.
        size_bytes: How much of it is there.
    """

    def __init__(self, path: Path, total_bytes: int, sha256: str | None) -> None:
        """Expect a file that shall be kept at ``path``.

        Args:
            path: Where it goes once it is right; its folder is made.
            total_bytes: Its exact size.
            sha256: Its hash. ``None`` if nobody knows it yet: then its size has to do, and nothing
                is continued, since nobody could tell what the part is a part of.
        """
        self.name = path.name
        self.total_bytes = total_bytes
        self.size_bytes = 0
        self._expected_sha256 = sha256
        self._path = path
        self._part = _part_of(path)
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self._part.open("a+b")
        self._stream.seek(0)
        while block := self._stream.read(BLOCK_BYTES):
            self._hash.update(block)
            self.size_bytes += len(block)
        if self.size_bytes > self.total_bytes or self._expected_sha256 is None:
            self.restart()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stream.close()
        if not self.size_bytes:
            self._part.unlink(missing_ok=True)
            with suppress(OSError):  # not empty: the file itself is there
                self._path.parent.rmdir()

    @property
    def sha256(self) -> str:
        """The hash of what is there."""
        return self._hash.hexdigest()

    @property
    def is_right(self) -> bool:
        """Whether all bytes are there, and are the right ones as far as anybody knows."""
        expected_sha256 = self._expected_sha256 or self.sha256
        return self.size_bytes == self.total_bytes and self.sha256 == expected_sha256

    def restart(self) -> None:
        """Forget what came so far."""
        self._stream.truncate(0)
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, block: bytes) -> None:
        """Append to the part.

        Raises:
            WrongBytesError: That is more than the file has.
        """
        if self.size_bytes + len(block) > self.total_bytes:
            message = f"it sent more than the {self.total_bytes} bytes that the file has"
            raise WrongBytesError(message)
        self._stream.write(block)
        self._hash.update(block)
        self.size_bytes += len(block)

    def accept(self) -> None:
        """Move the file into place.

        Raises:
            WrongBytesError: It is not the right one; nothing was moved.
        """
        if not self.is_right:
            expected = f" with {self._expected_sha256}" if self._expected_sha256 else ""
            message = (
                f"it sent {self.size_bytes} bytes with sha256 {self.sha256}, not the "
                f"{self.total_bytes} bytes{expected}"
            )
            raise WrongBytesError(message)
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()  # Windows does not move open files
        self._part.replace(self._path)


def bytes_to_come(path: Path, total_bytes: int) -> int:
    """How much of a file that shall be at ``path`` has not come in a fetch before this one."""
    part = _part_of(path)
    here = part.stat().st_size if part.is_file() else 0
    return total_bytes - here if here <= total_bytes else total_bytes


def _part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")
