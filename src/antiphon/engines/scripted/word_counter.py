"""Words as tokens: how the scripted engines count."""

from __future__ import annotations

import re
from collections.abc import Sequence

from antiphon.core.plan import ChatMessage
from antiphon.wire.session import FunctionTool

__all__ = ["WordCounter", "split_words"]


class WordCounter:
    """Counts each word of a text and of a call's arguments, and each tool, as one token."""

    def frame_tokens(self, instructions: str, tools: Sequence[FunctionTool]) -> int:
        """Count instructions and tools."""
        return _count(instructions) + len(tools)

    def message_tokens(self, message: ChatMessage) -> int:
        """Count what was said and what was called; images take nothing."""
        return _count(message.text) + sum(_count(call.arguments) for call in message.tool_calls)


def _count(text: str) -> int:
    return len(text.split())


def split_words(text: str) -> list[str]:
    """Split text into words, each with the white space before it; joined they are the text."""
    return re.findall(r"\s*\S+|\s+$", text)
