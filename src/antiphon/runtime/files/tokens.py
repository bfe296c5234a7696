"""How many tokens the text of a file counts as, said or written."""

from __future__ import annotations

from antiphon.core.plan import ChatMessage
from antiphon.runtime.engine_set import EngineSet

__all__ = ["text_tokens"]


def text_tokens(engines: EngineSet, text: str) -> int:
    """Count a text's tokens by the language model's tokenizer; 0 if it cannot count."""
    counter = engines.reader.counter
    if counter is None or not text:
        return 0
    return counter.message_tokens(ChatMessage("user", text))
