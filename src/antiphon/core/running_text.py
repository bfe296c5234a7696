"""Text that is sent piece by piece, to be appended as it is: the spaces are the sender's affair."""

from __future__ import annotations

__all__ = ["RunningText"]


class RunningText:
    """Joins phrases to one text, without doubled, missing or trailing spaces.

    White space is held back until a word follows it, so the text so far never ends with any.
    """

    def __init__(self) -> None:
        self._last = ""  # the last character that was sent
        self._gap = ""
        self._begins = True

    def begin_phrase(self) -> None:
        """Note that what comes next is a phrase of its own."""
        self._begins = True

    def push(self, text: str) -> str:
        """Return what is to be sent for more text of the phrase; ``""`` if that is nothing yet."""
        if self._begins:
            text = text.lstrip()
        words = text.rstrip()
        if not words:
            self._gap = "" if self._begins else self._gap + text
            return ""
        if self._begins:
            self._gap = _between(self._last, words[0])
            self._begins = False
        piece = self._gap + words
        self._gap = text[len(words) :]
        self._last = words[-1]
        return piece


def _between(last: str, first: str) -> str:
    """Return what separates two phrases."""
    return "" if not last or _is_unspaced(last) or _is_unspaced(first) else " "


def _is_unspaced(char: str) -> bool:
    """Say whether a character is of a script that puts no spaces between words.

    Thai and Lao, Burmese, Khmer, Chinese, Japanese; Korean does put them.
    """
    return (
        "\u0e00" <= char <= "\u0eff"
        or "\u1000" <= char <= "\u109f"
        or "\u1780" <= char <= "\u17ff"
        or "\u2e80" <= char <= "\u30ff"
        or "\u3400" <= char <= "\u9fff"
        or "\uff00" <= char <= "\uff65"
    )
