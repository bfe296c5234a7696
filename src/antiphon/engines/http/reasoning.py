"""Keeps what a model thinks from being spoken.

Servers that know a model take its reasoning out of the answer (``reasoning_content``), and nobody
reads it here. Others leave it at the beginning of the text, in the marks that DeepSeek R1, Qwen 3
and most after them were trained with.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["ReasoningFilter"]

_OPENING = "<think>"
_CLOSING = "</think>"


class _Part(Enum):
    BEGINNING = "beginning"
    REASONING = "reasoning"
    GAP = "gap"
    ANSWER = "answer"


class ReasoningFilter:
    """Takes the reasoning off the beginning of one answer; marks further on are text."""

    def __init__(self) -> None:
        self._part = _Part.BEGINNING
        self._held = ""

    def push(self, text: str) -> str:
        """Return what of the answer can be said with the next text; possibly nothing."""
        match self._part:
            case _Part.BEGINNING:
                return self._begin(text)
            case _Part.REASONING:
                return self._skip(text)
            case _Part.GAP:
                return self._resume(text)
            case _Part.ANSWER:
                return text

    def flush(self) -> str:
        """Return what was held back when the answer is over: the beginning of no mark."""
        return self._held if self._part is _Part.BEGINNING else ""

    def _begin(self, text: str) -> str:
        self._held += text
        begun = self._held.lstrip()
        if begun.startswith(_OPENING):
            self._part = _Part.REASONING
            self._held = ""
            return self._skip(begun.removeprefix(_OPENING))
        if _OPENING.startswith(begun):
            return ""
        self._part = _Part.ANSWER
        return self._held

    def _skip(self, text: str) -> str:
        _, closing, after = (self._held + text).partition(_CLOSING)
        if closing:
            self._part = _Part.GAP
            return self._resume(after)
        self._held = (self._held + text)[-len(_CLOSING) :]  # a mark may come cut in two
        return ""

    def _resume(self, text: str) -> str:
        answer = text.lstrip()
        if answer:
            self._part = _Part.ANSWER
        return answer
