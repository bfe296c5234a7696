"""Words as tokens: how the scripted language model counts."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.core.plan import ChatMessage
from antiphon.wire.session import FunctionTool

__all__ = ["WordCounter"]


class WordCounter:
    """Counts each word of a text and of a call's arguments, and each tool, as one token."""

    def frame_tokens(self, instructions: str, tools: Sequence[FunctionTool]) -> int:
        """Count instructions and tools."""
        return _words(instructions) + len(tools)

    def message_tokens(self, message: ChatMessage) -> int:
        """Count what was said and what was called; images take nothing."""
        return _words(message.text) + sum(_words(call.arguments) for call in message.tool_calls)


def _words(text: str) -> int:
    return len(text.split())
