"""Counts the tokens of prompts as a chat model reads them: its template around the texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from antiphon.core.plan import ChatMessage
from antiphon.engines.llama.chat_template import ChatTemplate
from antiphon.engines.tools.calls import described
from antiphon.engines.tools.messages import chat_completions_message
from antiphon.wire.session import FunctionTool

__all__ = ["PromptCounter"]

_SYSTEM = ChatMessage("system", "x")
"""Something to begin with: many templates put words of their own where there is nothing."""

_USER = ChatMessage("user", "x")


class PromptCounter:
    """Counts by rendering. What a message takes is what it makes a prompt longer.

    That is independent of its neighbours wherever a template puts a marker between messages, as
    all of the ChatML kind do, since no token reaches across a marker.

    Args:
        template: The model's chat template.
        count: The model's tokenizer: how many tokens a text has.
        tells_tools: Whether the model is told of tools that it need not call.

    Raises:
        ValueError: The template refuses prompts as Antiphon writes them.
    """

    def __init__(
        self, template: ChatTemplate, count: Callable[[str], int], *, tells_tools: bool = True
    ) -> None:
        self._template = template
        self._tells_tools = tells_tools
        self._count = count
        self._opening_tokens = self._prompt_tokens(_SYSTEM)
        self._user_tokens = self.message_tokens(_USER)

    def frame_tokens(self, instructions: str, tools: Sequence[FunctionTool]) -> int:
        """Count instructions and tools, with what the template adds of its own."""
        system = [ChatMessage("system", instructions)] if instructions else []
        told = tools if self._tells_tools else ()
        return self._prompt_tokens(*system, _USER, tools=told) - self._user_tokens

    def message_tokens(self, message: ChatMessage) -> int:
        """Count one message; its images take nothing."""
        return self._prompt_tokens(_SYSTEM, message) - self._opening_tokens

    def _prompt_tokens(self, *messages: ChatMessage, tools: Sequence[FunctionTool] = ()) -> int:
        chat = [chat_completions_message(message) for message in messages]
        return self._count(self._template.render(chat, [described(tool) for tool in tools]))
