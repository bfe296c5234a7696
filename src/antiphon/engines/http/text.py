"""Characters that servers cut in two.

JSON can hold one half of a character beyond U+FFFF, a surrogate, and servers that cut an answer by
UTF-16 units send the halves one after the other. No text may leave with one: it has no bytes.
"""

from __future__ import annotations

__all__ = ["CharacterJoiner", "whole_characters"]


class CharacterJoiner:
    """Joins such halves in a text that comes in pieces."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, text: str) -> str:
        """Return what is whole with the next piece; a first half at its end is held back."""
        text = self._held + text
        self._held = ""
        if "\ud800" <= text[-1:] <= "\udbff":
            self._held, text = text[-1], text[:-1]
        return whole_characters(text)

    def flush(self) -> str:
        """Return what is left at the end: U+FFFD for a half that has stayed alone, or nothing."""
        held, self._held = self._held, ""
        return whole_characters(held)


def whole_characters(text: str) -> str:
    """Return a text with its halves joined, and U+FFFD in place of those that are alone."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
