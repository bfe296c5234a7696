"""Cutting the stream of words into pieces that can be spoken one by one.

The first piece decides how soon the voice is heard, so it is cut early: at the first punctuation
mark after a few words, or else before a word that a speaker would draw breath at. Later pieces are
sentences: the voice is talking by then, and a whole sentence has the better melody.
"""

from __future__ import annotations

import re

from msgspec import Struct

__all__ = ["Segment", "Segmenter"]

FIRST_CLAUSE_WORDS = 3
"""A first piece that ends with a comma has at least this many words."""

FIRST_BREATH_WORDS = 6
"""Without punctuation, the first piece is cut once this many words have come. Each word less is
heard some 30 ms sooner, and breaks more phrases."""

LONGEST_WORDS = 30
"""A later piece without an end of sentence is cut at a comma, or anywhere, from here on."""

_SENTENCE_END = re.compile(r"[.!?…]+[\"')\]]*(?=\s)|\n+|[。！？]")  # noqa: RUF001 (CJK)
_CLAUSE_END = re.compile(r"[,;:—–](?=\s)|[、，；：]")  # noqa: RUF001 (CJK)
_ABBREVIATION = re.compile(
    r"(?:^|\s)(?:mr|mrs|ms|dr|prof|st|vs|etc|no|e\.g|i\.e|[a-z])\.$"
    r"|(?:^|\n)\s*\d+\.$",  # the number of a list's item; elsewhere numbers end sentences
    re.IGNORECASE,
)
# Words before which a speaker may pause without hurting the phrase.
_BREATH = re.compile(
    r"and|but|or|so|because|that|which|who|where|when|while|if|is|are|was|were|in|on|at|for|with"
    r"|from|to|of|by|as|than",
    re.IGNORECASE,
)
# Marks of written text that are not spoken.
_UNSPOKEN = str.maketrans("", "", "*_`#~|")
# A range of numbers, which synthesizers read as "two dash three".
_RANGE = re.compile(r"(?<![\d-])(\d{1,4})\s*[-–](\d{1,4})(?![\d-])")  # noqa: RUF001 (en dash)


class Segment(Struct, frozen=True):
    """A piece of the answer to be spoken at once.

    Attributes:
        text: What to say, without the marks of written text.
        end_chars: How far into the answer's whole text the piece reaches.
    """

    text: str
    end_chars: int


class Segmenter:
    """Takes text as it is generated, gives segments as soon as they are complete."""

    def __init__(self) -> None:
        self._pending = ""
        self._taken_chars = 0
        self._is_first = True

    def push(self, text: str) -> list[Segment]:
        """Append text and return the segments that are complete with it."""
        self._pending += text
        segments = []
        while (cut := self._find_cut()) is not None:
            segments += self._take(cut)
        return segments

    def flush(self) -> list[Segment]:
        """Return what is left: nothing more will come."""
        return self._take(len(self._pending))

    def _take(self, cut: int) -> list[Segment]:
        text, self._pending = self._pending[:cut], self._pending[cut:]
        self._taken_chars += cut
        spoken = " ".join(_RANGE.sub(r"\1 to \2", text.translate(_UNSPOKEN)).split())
        if not any(char.isalnum() for char in spoken):
            return []
        self._is_first = False
        return [Segment(spoken, self._taken_chars)]

    def _find_cut(self) -> int | None:
        for match in _SENTENCE_END.finditer(self._pending):
            if not _ABBREVIATION.search(self._pending[: match.end()]):
                return match.end()
        words = list(re.finditer(r"\S+(?=\s)", self._pending))  # complete words only
        fewest = FIRST_CLAUSE_WORDS if self._is_first else LONGEST_WORDS // 2
        if len(words) >= fewest:
            earliest = words[fewest - 1].end()
            for match in _CLAUSE_END.finditer(self._pending):
                if match.end() >= earliest:
                    return match.end()
        longest = FIRST_BREATH_WORDS if self._is_first else LONGEST_WORDS
        if len(words) < longest:
            return None
        return self._breath_before(words)

    def _breath_before(self, words: list[re.Match[str]]) -> int:
        """Return the end of the word after which a breath does the least harm."""
        for index in range(len(words) - 1, FIRST_CLAUSE_WORDS - 1, -1):
            if _BREATH.fullmatch(words[index].group()):
                return words[index - 1].end()
        return words[-1].end()
