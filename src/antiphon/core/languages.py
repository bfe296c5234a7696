"""What languages are called in English: language models are told so, and some engines tell so."""

from __future__ import annotations

__all__ = ["language_code", "language_name"]

_NAMES = {
    "af": "Afrikaans",
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "cy": "Welsh",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "eu": "Basque",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "ga": "Irish",
    "gl": "Galician",
    "gu": "Gujarati",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ja": "Japanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "km": "Khmer",
    "kn": "Kannada",
    "ko": "Korean",
    "lb": "Luxembourgish",
    "lo": "Lao",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mk": "Macedonian",
    "ml": "Malayalam",
    "mr": "Marathi",
    "ms": "Malay",
    "mt": "Maltese",
    "my": "Burmese",
    "nb": "Norwegian",
    "ne": "Nepali",
    "nl": "Dutch",
    "no": "Norwegian",
    "pa": "Punjabi",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sq": "Albanian",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tl": "Tagalog",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "uz": "Uzbek",
    "vi": "Vietnamese",
    "yue": "Cantonese",
    "zh": "Chinese",
}


_CODES = {name.lower(): code for code, name in _NAMES.items()}


def language_name(code: str) -> str:
    """Return the name of a language, for a language model.

    Args:
        code: ISO-639-1 code, possibly with a region such as in ``pt-BR``.

    >>> language_name("de")
    'German'
    >>> language_name("pt-BR")
    'Portuguese (pt-BR)'
    >>> language_name("tlh")
    'the language with the code tlh'
    """
    name = _NAMES.get(code.partition("-")[0].lower())
    if name is None:
        return f"the language with the code {code}"
    return f"{name} ({code})" if "-" in code else name


def language_code(told: str) -> str | None:
    """Return the ISO-639-1 code of a language that an engine names, in whichever way.

    Args:
        told: Its English name, or a code, possibly with a region.

    >>> language_code("german"), language_code("de-AT"), language_code("gibberish")
    ('de', 'de', None)
    """
    code = told.replace("_", "-").partition("-")[0].lower()
    return code if code in _NAMES else _CODES.get(told.lower())
