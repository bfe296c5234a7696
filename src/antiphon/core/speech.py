"""Which words of a spoken answer have been heard when so much of its audio has sounded."""

from __future__ import annotations

from bisect import bisect_left

__all__ = ["SpokenText"]


TYPICAL_MS_PER_CHAR = 65.0
"""English at some 155 words a minute. Used only where words and sound are not aligned yet."""


class SpokenText:
    """The text of one spoken answer, aligned to its audio.

    Speech comes segment by segment; at the end of each, words and sound are aligned. Within a
    segment the words are taken to be spoken at an even pace, and a word counts as heard once it
    has been spoken to its end.

    Attributes:
        text: All the words, spoken or still to be spoken.
        duration_ms: How long the audio is so far.
    """

    def __init__(self) -> None:
        self.text = ""
        self.duration_ms = 0.0
        self._aligned_ms = [0.0]
        self._aligned_chars = [0]

    def say(self, text: str) -> None:
        """Append text that is about to be spoken."""
        self.text += text

    def sound(self, duration_ms: float) -> None:
        """Append audio."""
        self.duration_ms += duration_ms

    def align(self, spoken_chars: int) -> None:
        """Note that at the end of the audio so far, so many characters have been spoken."""
        self._aligned_ms.append(self.duration_ms)
        self._aligned_chars.append(spoken_chars)

    def heard(self, audio_end_ms: float) -> str:
        """Return the words that have been spoken to their end at ``audio_end_ms``."""
        if audio_end_ms <= 0:
            return ""
        return self.text[: _word_end(self.text, self._chars_at(audio_end_ms))]

    def _chars_at(self, audio_end_ms: float) -> int:
        index = bisect_left(self._aligned_ms, audio_end_ms)
        before_ms, before = self._aligned_ms[index - 1], self._aligned_chars[index - 1]
        if index == len(self._aligned_ms):
            sounded_ms = min(audio_end_ms, self.duration_ms) - before_ms
            return min(before + int(sounded_ms / TYPICAL_MS_PER_CHAR), len(self.text))
        share = (audio_end_ms - before_ms) / (self._aligned_ms[index] - before_ms)
        return before + int(share * (self._aligned_chars[index] - before))


def _word_end(text: str, reached: int) -> int:
    """Return the end of the last word that is complete within ``text[:reached]``."""
    cut = min(reached, len(text))
    while 0 < cut < len(text) and _joins(text[cut - 1]) and _joins(text[cut]):
        cut -= 1
    return len(text[:cut].rstrip())


def _joins(char: str) -> bool:
    """Say whether a character makes a word with its neighbours.

    Chinese, Japanese and Thai are written without spaces; there a character may stand alone.
    """
    return not char.isspace() and not ("\u0e00" <= char <= "\u0e7f" or char >= "\u2e80")
