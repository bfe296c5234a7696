"""How words are pronounced, by espeak-ng.

espeak-ng is GPL-3, and so is the package ``piper-tts`` that bundles it: an optional extra, loaded
here and in ``piper.py``, by name, and nowhere else. Within a process espeak-ng has one
language at a time. Piper guards that by a lock of its own, so all that is pronounced here goes
through Piper as well.
"""

from __future__ import annotations

import importlib
import unicodedata
from typing import Any

from antiphon.errors import EngineError

__all__ = ["LATIN_LANGUAGES", "Pronouncer", "import_piper", "legible"]

LATIN_LANGUAGES = frozenset(
    [
        "af",
        "ca",
        "cs",
        "cy",
        "da",
        "de",
        "en",
        "es",
        "et",
        "eu",
        "fi",
        "fr",
        "ga",
        "gl",
        "hr",
        "hu",
        "id",
        "is",
        "it",
        "lb",
        "lt",
        "lv",
        "ms",
        "mt",
        "nb",
        "nl",
        "nn",
        "no",
        "pl",
        "pt",
        "ro",
        "sk",
        "sl",
        "sq",
        "sv",
        "sw",
        "tr",
        "vi",
    ]
)
"""ISO-639-1 codes of languages that are written in Latin letters."""

_LATIN_READERS_KNOW = ("LATIN", "GREEK", "FEMININE", "MASCULINE", "MICRO", "MODIFIER")
"""What Unicode's names of letters begin with that readers of Latin letters can say: also those of
formulas, and the signs ª, º and µ."""


_CONTROLS = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\r\n"}
"""Unicode's category Cc, without those that lay out a text."""


class Pronouncer:
    """Says how a language is pronounced.

    Args:
        voice: espeak-ng's name of the language, as ``en-us``.
        language: Its ISO-639-1 code.

    Raises:
        EngineError: piper-tts is not installed.
    """

    def __init__(self, voice: str, language: str) -> None:
        piper = import_piper()
        config = importlib.import_module("piper.config")
        self._language = language
        # A voice that only pronounces: it has no model, and numbers no phonemes.
        self._piper = piper.PiperVoice(
            config=config.PiperConfig(
                num_symbols=0,
                num_speakers=1,
                sample_rate=0,
                espeak_voice=voice,
                phoneme_id_map={},
                phoneme_type=config.PhonemeType.ESPEAK,
            ),
            session=None,
        )

    def sentences(self, text: str) -> list[str]:
        """Return the phonemes of each sentence, in IPA, with stress and punctuation marks.

        Letters that the language is not written in are left out. Accents are characters of their
        own (Unicode's form NFD).
        """
        # Double brackets would have Piper take what is in them for phonemes.
        readable = legible(text, self._language).replace("[[", "[").replace("]]", "]")
        return ["".join(phonemes).strip() for phonemes in self._piper.phonemize(readable)]


def import_piper() -> Any:  # noqa: ANN401 (a library that need not be installed)
    """Import the package ``piper``.

    Raises:
        EngineError: It is not installed.
    """
    try:
        return importlib.import_module("piper")
    except ImportError as error:
        message = "piper-tts (GPL-3) is not installed; install antiphon[local]"
        raise EngineError(message, stage="synthesize", code="not_installed") from error


def legible(text: str, language: str) -> str:
    """Return a text without what cannot be read out: its readers' unknown letters, and controls.

    espeak-ng reads each such letter out as what it is: "Chinese letter, Chinese letter". A control
    character leaves a gap; with a NUL, no text could be given to it at all.

    Args:
        text: What shall be said.
        language: ISO-639-1 code. No letters are left out of languages that are not written in Latin
            letters: which letters they mix is not known here.
    """
    text = text.translate(_CONTROLS)
    if language not in LATIN_LANGUAGES or text.isascii():
        return text
    return "".join(sign for sign in text if _is_legible(sign))


def _is_legible(sign: str) -> bool:
    is_letter = unicodedata.category(sign).startswith("L")
    return not is_letter or unicodedata.name(sign, "").startswith(_LATIN_READERS_KNOW)
