"""How a fetch of weights is going, for whoever wants to show it."""

from __future__ import annotations

import sys
from typing import Protocol, TextIO

__all__ = ["PlainProgress", "Progress", "megabytes"]


class Progress(Protocol):
    """Told how a fetch is going; the command line draws it.

    Between ``begin`` and ``end`` there is one download. Downloads do not overlap.
    """

    def begin(self, title: str, total_bytes: int) -> None:
        """A download starts."""
        ...

    def reach(self, done_bytes: int) -> None:
        """So much of the download is there, what an earlier one had left included."""
        ...

    def end(self) -> None:
        """The download is over, complete or not."""
        ...

    def note(self, line: str) -> None:
        """Something worth telling happened."""
        ...


class PlainProgress:
    """Progress as lines of text, for logs and wherever a bar cannot be drawn."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._title = ""
        self._total_bytes = 0
        self._tenths = 0

    def begin(self, title: str, total_bytes: int) -> None:
        """Announce the download."""
        self._title, self._total_bytes, self._tenths = title, total_bytes, 0
        self.note(f"{title} ({megabytes(total_bytes)})")

    def reach(self, done_bytes: int) -> None:
        """Write a line whenever another tenth is there."""
        tenths = 10 * done_bytes // max(self._total_bytes, 1)
        if tenths > self._tenths:
            self._tenths = tenths
            self.note(f"{self._title}: {10 * tenths} %")

    def end(self) -> None:
        """Write nothing: the last tenth, or a note, has said it."""

    def note(self, line: str) -> None:
        """Write the line."""
        self._stream.write(f"{line}\n")
        self._stream.flush()


def megabytes(size_bytes: int) -> str:
    """A size as people read it, for example ``491.4 MB``."""
    return f"{size_bytes / 1e6:.1f} MB"
