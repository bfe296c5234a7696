"""Whisper's vocabulary: what its tokens say, and which of them open a transcript."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from antiphon.errors import EngineError

__all__ = ["CONTEXT_TOKENS", "WhisperTokens"]

CONTEXT_TOKENS = 448
"""What the decoder sees at once, prompt and transcript together."""

PROMPT_TOKENS = CONTEXT_TOKENS // 2 - 1
"""Longest prompt; openai/whisper (``whisper/decoding.py``) leaves the other half to the words."""

_LANGUAGE = re.compile(r"<\|([a-z]{2,3})\|>")

_NOW_CALLED = {"jw": "jv"}
"""Codes that ISO 639-1 has given up since."""

# Byte-level BPE writes each byte as a letter. Printable ones stand for themselves, the others for
# what comes after Latin-1 (openai/gpt-2, ``encoder.py``: ``bytes_to_unicode``).
_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = (byte for byte in range(0x100) if byte not in _PRINTABLE)
_BYTES = {chr(byte): byte for byte in _PRINTABLE} | {
    chr(0x100 + number): byte for number, byte in enumerate(_OTHERS)
}


class WhisperTokens:
    """The vocabulary of one model.

    Args:
        path: Its ``tokenizer.json``.
        multilingual: Whether it knows languages other than English.

    Raises:
        EngineError: tokenizers is not installed, or the file is not there or no such vocabulary.
    """

    def __init__(self, path: Path, *, multilingual: bool) -> None:
        self._tokenizer = _read(path)
        names = self._tokenizer.get_vocab()
        try:
            self._start = names["<|startoftranscript|>"]
            self._transcribe = names["<|transcribe|>"]
            self._translate = names["<|translate|>"]
            self._before = names["<|startofprev|>"]
            self._no_timestamps = names["<|notimestamps|>"]
            self._first_control: int = names["<|endoftext|>"]
        except KeyError as error:
            message = f"{path} is no vocabulary of Whisper: it has no token {error}"
            raise EngineError(message, stage="transcribe", code="weights_unreadable") from error
        by_number = sorted(names.items(), key=lambda item: item[1]) if multilingual else ()
        self._languages = {
            _NOW_CALLED.get(found[1], found[1]): number
            for name, number in by_number
            if (found := _LANGUAGE.fullmatch(name))
        }

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO-639-1 codes of the languages that the model can be told to hear.

        Two have no such code and their ISO-639-3 code instead: ``haw`` and ``yue``. None at all for
        models that know English only, and are told nothing.
        """
        return tuple(self._languages)

    def language_of(self, token: str) -> str:
        """The code of a language by the name of its token, for example ``<|en|>``."""
        code = token.strip("<|>")
        return _NOW_CALLED.get(code, code)

    def opening(self, language: str | None, prompt: str, *, translate: bool = False) -> list[int]:
        """The tokens that a transcript begins with.

        Args:
            language: What is spoken, one of :attr:`languages`; ``None`` for an English model.
            prompt: What the transcript is made to go on from; of longer ones the end counts.
            translate: Whether it is to be in English all the same.
        """
        before: list[int] = []
        if prompt:
            words = self._tokenizer.encode(" " + prompt, add_special_tokens=False).ids
            before = [self._before, *words[-PROMPT_TOKENS:]]
        task = self._translate if translate else self._transcribe
        told = [self._languages[language], task] if language else []
        return [*before, self._start, *told, self._no_timestamps]

    def pieces(self, tokens: Sequence[int], *, first: bool) -> list[tuple[int, bytes]]:
        """Where the tokens that stand for text are in a transcript, and their UTF-8 bytes.

        Args:
            tokens: Numbers of the tokens.
            first: Whether nothing comes before them, so that they begin without a space.
        """
        pieces: list[tuple[int, bytes]] = []
        for place, number in enumerate(tokens):
            if number < self._first_control:
                piece = bytes(_BYTES[letter] for letter in self._tokenizer.id_to_token(number))
                piece = piece.lstrip(b" ") if first and not pieces else piece
                if piece:
                    pieces.append((place, piece))
        return pieces


def _read(path: Path) -> Any:  # noqa: ANN401 (of an optional extra)
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 (an optional extra, loaded by name)
    except ImportError as error:
        message = "tokenizers is not installed; install antiphon[whisper]"
        raise EngineError(message, stage="transcribe", code="not_installed") from error
    if not path.is_file():
        message = (
            f"There is no {path.name} in {path.parent}. Older conversions of Whisper lack it; take "
            "it from the original model on the hub, for example openai/whisper-base."
        )
        raise EngineError(message, stage="transcribe", code="weights_missing")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing more exact
        message = f"tokenizers cannot read {path}: {error}"
        raise EngineError(message, stage="transcribe", code="weights_unreadable") from error
