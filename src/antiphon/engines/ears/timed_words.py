"""When each word was said, from when each of its tokens was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from msgspec.structs import replace

from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ, TimedWord

__all__ = ["timed_words", "without_pauses"]

_LEVEL_S = 0.02
"""Over how much the level is taken."""

_QUIET = 0.06
"""Below this share of a word's loudest 20 ms, -24 dB, it is not the word that sounds."""

_SHORTEST_PAUSE_S = 0.2
"""Before a "t" within a word it is quiet for up to half as long."""

# openai/whisper (``whisper/timing.py``): what belongs to a word without being part of it.
_BEFORE = "\"'“¿([{-"
_AFTER = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 (of Chinese and Japanese)

_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3000, 0x30FF),  # punctuation, Hiragana, Katakana
    (0x3400, 0x9FFF),  # Chinese characters
    (0xF900, 0xFAFF),
    (0xFF00, 0xFFEF),  # punctuation
    (0x20000, 0x3FFFF),
)
"""Scripts that are written without spaces: there a token counts as a word."""

_Unit = tuple[str, float, float]
"""Text of one or more tokens, when it begins and when it ends."""


def timed_words(tokens: Sequence[tuple[bytes, float, float]]) -> tuple[TimedWord, ...]:
    """Say when each word was said, without the punctuation around it.

    Args:
        tokens: UTF-8 of each token of a text, which may be part of a character, when it begins and
            when it ends, in seconds; in order.
    """
    units = list(_characters(tokens))
    words = []
    for word in _grouped(units):
        spoken = [index for index in word if units[index][0].strip().strip(_BEFORE + _AFTER)]
        if not spoken:
            continue  # punctuation by itself
        first, last = spoken[0], spoken[-1]
        text = "".join(units[index][0] for index in word).strip()
        words.append(
            TimedWord(text.lstrip(_BEFORE).rstrip(_AFTER), units[first][1], units[last][2])
        )
    return tuple(words)


def without_pauses(
    words: Sequence[TimedWord], audio: Floats, start_s: float
) -> tuple[TimedWord, ...]:
    """Have words begin where they are to be heard, if they begin with a pause.

    What aligns words by a model's attention counts the silence before a word as part of it.

    Args:
        words: When they were said; they end where they should.
        audio: In which they are: shape (n,), float32 at 16 kHz.
        start_s: When it begins.
    """
    return tuple(_without_pause(word, audio, start_s) for word in words)


def _without_pause(word: TimedWord, audio: Floats, start_s: float) -> TimedWord:
    first, end = (
        max(0, round((at_s - start_s) * LISTENING_RATE_HZ)) for at_s in (word.start_s, word.end_s)
    )
    size = round(_LEVEL_S * LISTENING_RATE_HZ)
    blocks = audio[first:end]
    blocks = blocks[: len(blocks) // size * size].reshape(-1, size)
    if not len(blocks):
        return word
    levels = np.sqrt(np.square(blocks).mean(axis=1))
    pause_s = _LEVEL_S * int(np.argmax(levels > _QUIET * levels.max()))
    return word if pause_s < _SHORTEST_PAUSE_S else replace(word, start_s=word.start_s + pause_s)


def _characters(tokens: Sequence[tuple[bytes, float, float]]) -> Iterator[_Unit]:
    """Put tokens together that only have whole characters together."""
    pending, began_s, ended_s = b"", 0.0, 0.0
    for piece, start_s, ended_s in tokens:
        began_s = began_s if pending else start_s
        pending += piece
        try:
            text = pending.decode()
        except UnicodeDecodeError:
            continue
        yield text, began_s, ended_s
        pending = b""
    if pending:
        yield pending.decode("utf-8", "replace"), began_s, ended_s


def _grouped(units: Sequence[_Unit]) -> Iterator[range]:
    """Yield which units are a word together."""
    begins = [index for index, _ in enumerate(units) if index == 0 or _begins_word(units, index)]
    for first, following in pairwise([*begins, len(units)]):
        yield range(first, following)


def _begins_word(units: Sequence[_Unit], index: int) -> bool:
    text, before = units[index][0], units[index - 1][0]
    if text[:1].isspace() or before[-1:].isspace():
        return True
    return _is_unspaced(text[:1]) or (_is_unspaced(before[-1:]) and text[:1].isalnum())


def _is_unspaced(letter: str) -> bool:
    return bool(letter) and any(first <= ord(letter) <= last for first, last in _UNSPACED)
