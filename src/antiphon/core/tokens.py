"""How much of a language model's context things take, as the core needs to know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from antiphon.core.plan import ChatMessage
from antiphon.wire.tools import FunctionTool

__all__ = ["TokenCounter"]


class TokenCounter(Protocol):
    """Counts the tokens of one language model, without asking it.

    The frame of a prompt and the sum of its messages are its size: exactly, for messages of text;
    for calls and their outputs, whose wrapping depends on their neighbours, it is never more.
    Counts depend on nothing but the arguments, so that they may be kept.
    """

    def frame_tokens(self, instructions: str, tools: Sequence[FunctionTool]) -> int:
        """Count what goes around the messages.

        Args:
            instructions: What the model is told to be; ``""`` for what it is by itself.
            tools: Functions on offer.
        """
        ...

    def message_tokens(self, message: ChatMessage) -> int:
        """Count one message, with what the model's chat template wraps it in."""
        ...
