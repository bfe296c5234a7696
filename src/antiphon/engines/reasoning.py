"""Keeps what a model thinks from being spoken.

Servers that know a model take its reasoning out of the answer (``reasoning_content``), and nobody
reads it here. Others, and llama.cpp in this process, leave it at the beginning of the text, in the
marks that DeepSeek R1, Qwen 3 and most after them were trained with.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["END_OF_REASONING", "ReasoningFilter"]

END_OF_REASONING = "</think>"
"""As all chat templates write it that let reasoning be switched on and off."""

_OPENING = "<think>"


class _Part(Enum):
    BEGINNING = "beginning"
    REASONING = "reasoning"
    GAP = "gap"
    ANSWER = "answer"


class ReasoningFilter:
    """Takes the reasoning off the beginning of one answer; marks further on are text.

    Args:
        closing: What ends it.
        begun: Whether it has begun before the text does: many templates open it in the prompt.
    """

    def __init__(self, closing: str = END_OF_REASONING, *, begun: bool = False) -> None:
        self._closing = closing
        self._part = _Part.REASONING if begun else _Part.BEGINNING
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
        _, closing, after = (self._held + text).partition(self._closing)
        if closing:
            self._part = _Part.GAP
            return self._resume(after)
        self._held = (self._held + text)[-len(self._closing) :]  # a mark may come cut in two
        return ""

    def _resume(self, text: str) -> str:
        answer = text.lstrip()
        if answer:
            self._part = _Part.ANSWER
        return answer
