"""Kokoro's alphabet: how phonemes become what its network reads.

Kokoro was trained on the phonemes of misaki, its authors' own library, which writes diphthongs with
one letter and American vowels without their length. espeak-ng's IPA is given to it as it is: made
to look like misaki's by that library's rules for espeak-ng, a recognizer misunderstood twice as
many words.
"""

# ruff: noqa: RUF001  (phonetic letters look like others)
from __future__ import annotations

from collections.abc import Iterator

__all__ = ["LONGEST", "encode", "utterances"]

LONGEST = 510
"""How many phonemes Kokoro can say at once."""

_ALPHABET = {
    1: ";:,.!?",
    9: '—…"()“” \u0303ʣʥʦʨᵝ\uab67AI',
    31: "O",
    33: "Q",
    35: "ST",
    39: "W",
    41: "Yᵊabcdef",
    50: "hijklmnopqrstuvwxyzɑɐɒæ",
    75: "βɔɕç",
    80: "ɖðʤə",
    85: "ɚɛɜ",
    90: "ɟ",
    92: "ɡ",
    99: "ɥ",
    101: "ɨɪʝ",
    110: "ɯɰŋɳɲɴø",
    118: "ɸθœ",
    123: "ɹ",
    125: "ɾɻ",
    128: "ʁɽʂʃʈʧ",
    135: "ʊʋ",
    138: "ʌɣɤ",
    142: "χʎ",
    147: "ʒʔ",
    156: "ˈˌː",
    162: "ʰ",
    164: "ʲ",
    169: "↓",
    171: "→↗↘",
    177: "ᵻ",
}
"""The letters that are numbered one after the other, by the number of the first: the vocabulary in
``config.json`` of the repository ``hexgrad/Kokoro-82M``."""

_NUMBERS = {
    letter: first + offset
    for first, letters in _ALPHABET.items()
    for offset, letter in enumerate(letters)
}

_MARKS = ";:,.!?—…"


def utterances(phonemes: str) -> Iterator[str]:
    """Cut a sentence into what Kokoro can say at once.

    It is cut after the last mark that fits, else between words, else where it must be.

    Args:
        phonemes: In IPA. What Kokoro has no letter for is left out; none of it is of the languages
            that it speaks.
    """
    composed = phonemes.replace("c\u0327", "ç")  # the only letter that it has with its accent
    rest = "".join(letter for letter in composed if letter in _NUMBERS).strip()
    while len(rest) > LONGEST:
        cut = max(rest.rfind(mark, 0, LONGEST) for mark in _MARKS) + 1
        cut = cut or rest.rfind(" ", 0, LONGEST) + 1 or LONGEST
        yield rest[:cut].strip()
        rest = rest[cut:].strip()
    if any(letter.isalpha() for letter in rest):
        yield rest


def encode(utterance: str) -> list[int]:
    """Return the numbers of an utterance's letters, each of which is in the alphabet."""
    return [_NUMBERS[letter] for letter in utterance]
