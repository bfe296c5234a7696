"""Comparing what was said with what was heard: word errors, and what counts as the same word.

The rule is the same for both sides. Case, punctuation and accents do not count. Hyphens, slashes
and dashes part words; contractions are one word, without their apostrophe; whether two words are
written together does not count. Numbers are the words they are read as: years of four digits in
pairs, ordinals in full, and the signs for percent, degrees, dollars and "and" as their words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

__all__ = ["normalized", "word_errors"]

_ONES = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen",
)
_TENS = re.findall(r"\w+", "zero ten twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"}
_ORDINALS |= {"nine": "ninth", "twelve": "twelfth"}
_SIGNS = {"%": " percent ", "°": " degrees ", "&": " and ", "+": " plus ", "=": " equals "}
_WITHIN_WORDS = re.compile("['\N{RIGHT SINGLE QUOTATION MARK}\u0300-\u036f]")  # and accents
_NUMBER = re.compile(r"(\d+)(\.\d+)?(st|nd|rd|th)?\b")


def normalized(text: str) -> list[str]:
    """Return the words of a text by the rule above.

    >>> normalized("It's May the 3rd, 1969: 12.5%")[3:]
    ['third', 'nineteen', 'sixty', 'nine', 'twelve', 'point', 'five', 'percent']
    """
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = re.sub(r"\$(\d[\d,.]*\d|\d)", r"\1 dollars", plain)
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", plain)
    for sign, word in _SIGNS.items():
        plain = plain.replace(sign, word)
    plain = _NUMBER.sub(_spelled, plain)
    return re.findall(r"[a-z]+", _WITHIN_WORDS.sub("", plain))


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the least number of words to substitute, insert or leave out (Levenshtein).

    Two words on one side that are written as one on the other are no error.

    >>> word_errors(["the", "capital", "is", "rome"], ["a", "capital", "rome"])
    2
    >>> word_errors(["goodnight"], ["good", "night"])
    0
    """
    errors = np.add.outer(np.arange(len(said) + 1), np.arange(len(heard) + 1))
    for i, word in enumerate(said, 1):
        for j, other in enumerate(heard, 1):
            candidates = [errors[i - 1, j - 1] + (word != other)]
            candidates += [errors[i - 1, j] + 1, errors[i, j - 1] + 1]
            if i > 1 and said[i - 2] + word == other:
                candidates.append(errors[i - 2, j - 1])
            if j > 1 and heard[j - 2] + other == word:
                candidates.append(errors[i - 1, j - 2])
            errors[i, j] = min(candidates)
    return int(errors[-1, -1])


def _spelled(number: re.Match[str]) -> str:
    digits, decimals, ordinal = number.groups()
    value = int(digits)
    if value >= 10**12:
        words = [_ONES[int(digit)] for digit in digits]
    elif len(digits) == 4 and not decimals and value % 1000 >= 100 and value < 2100:
        words = [*_cardinal(value // 100), *(_year_end(value % 100))]
    else:
        words = _cardinal(value)
    if decimals:
        words += ["point", *(_ONES[int(digit)] for digit in decimals[1:])]
    if ordinal:
        words[-1] = _ordinal(words[-1])
    return f" {' '.join(words)} "


def _year_end(value: int) -> list[str]:
    if not value:
        return ["hundred"]
    return ["oh", _ONES[value]] if value < 10 else _cardinal(value)


def _cardinal(value: int) -> list[str]:
    if value < 20:
        return [_ONES[value]]
    if value < 100:
        tens, ones = divmod(value, 10)
        return [_TENS[tens], *([_ONES[ones]] if ones else [])]
    size, name = next(scale for scale in _SCALES if value >= scale[0])
    count, rest = divmod(value, size)
    return [*_cardinal(count), name, *(_cardinal(rest) if rest else [])]


def _ordinal(word: str) -> str:
    if word in _ORDINALS:
        return _ORDINALS[word]
    return f"{word[:-1]}ieth" if word.endswith("y") else f"{word}th"
