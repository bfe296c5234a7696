"""Randomness for the core's ids and padding."""

from __future__ import annotations

import random
import string

__all__ = ["RandomEntropy"]

_BASE62 = (string.digits + string.ascii_uppercase + string.ascii_lowercase).encode()
# Every byte value becomes one of 62 characters. The first eight of them come up a little more
# often; 21 characters still carry some 124 bits.
_TABLE = bytes(_BASE62[value % len(_BASE62)] for value in range(256))


class RandomEntropy:
    """Random ids and padding; give a seed and the same ones come again.

    The ids name things; they do not protect them. Keys and secrets are made elsewhere.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 (names, not secrets)

    def identifier(self, prefix: str, length: int = 21) -> str:
        """Return ``prefix`` + ``_`` + ``length`` base62 characters."""
        return f"{prefix}_{self.padding(length)}"

    def padding(self, length: int) -> str:
        """Return ``length`` base62 characters."""
        return self._random.randbytes(length).translate(_TABLE).decode("ascii")
