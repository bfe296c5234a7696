"""Where ids and padding come from: the core has no randomness of its own.

The shapes are those of the hosted service, as recorded: 21 base62 characters after the prefix, 16
after ``call_``; text-bearing deltas are padded so that neither length of text nor of padding tells
anything about the other.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["PADDING_STEP", "Entropy", "padding_length"]

PADDING_STEP = 16
"""``len(delta) + len(obfuscation)`` is a positive multiple of this."""


class Entropy(Protocol):
    """A source of unpredictable text. The runtime passes a random one, tests a counting one."""

    def identifier(self, prefix: str, length: int = 21) -> str:
        """Return ``prefix`` + ``_`` + ``length`` base62 characters, never the same twice."""
        ...

    def padding(self, length: int) -> str:
        """Return ``length`` base62 characters."""
        ...


def padding_length(delta: str) -> int:
    """Return how many characters of padding a text delta gets; 0 only for a full step.

    >>> padding_length("Hello"), padding_length("x" * 16), padding_length("")
    (11, 0, 16)
    """
    if not delta:
        return PADDING_STEP
    return -len(delta) % PADDING_STEP
