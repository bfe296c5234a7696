"""What a GGUF file says about the model in it.

Read by hand, since only the head of the file is wanted: the ``gguf`` package maps the tensors too,
and takes seconds for a vocabulary that is read here in 0.1 s. The format is that of
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

__all__ = ["read_metadata"]

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_STRING, _ARRAY = 8, 9
_NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
"""The format's codes of number types, as :mod:`struct` calls them."""


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata of a GGUF file: numbers, texts, and lists of them.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no GGUF file of a known version, or damaged.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as head:
        try:
            return _Reader(head).metadata()
        except (struct.error, KeyError) as error:
            message = f"{path} is damaged: its metadata cannot be read ({error!r})"
            raise ValueError(message) from error


class _Reader:
    """Reads values one after the other; everything is little-endian."""

    def __init__(self, head: mmap.mmap) -> None:
        self._head = head
        self._at = 0

    def metadata(self) -> dict[str, Any]:
        magic, version, _, pairs = self._numbers("4sIQQ")
        if magic != _MAGIC or version not in _VERSIONS:
            message = f"not a GGUF file of version 2 or 3, but {magic!r} of version {version}"
            raise ValueError(message)
        return {self._text(): self._value(*self._numbers("I")) for _ in range(pairs)}

    def _value(self, kind: int) -> Any:  # noqa: ANN401 (a number, a text, or a list of them)
        if kind == _STRING:
            return self._text()
        if kind != _ARRAY:
            return self._numbers(_NUMBERS[kind])[0]
        kind, length = self._numbers("IQ")
        if kind in _NUMBERS:
            return list(self._numbers(f"{length}{_NUMBERS[kind]}"))
        return [self._value(kind) for _ in range(length)]

    def _text(self) -> str:
        (length,) = self._numbers("Q")
        start, self._at = self._at, self._at + length
        return self._head[start : self._at].decode()

    def _numbers(self, form: str) -> tuple[Any, ...]:
        form = f"<{form}"
        values = struct.unpack_from(form, self._head, self._at)
        self._at += struct.calcsize(form)
        return values
