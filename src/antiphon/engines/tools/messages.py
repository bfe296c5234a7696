"""Messages in the form of the Chat Completions API, which chat templates take as well."""

from __future__ import annotations

import json
from typing import Any

from antiphon.core.plan import ChatMessage

__all__ = ["chat_completions_message"]


def chat_completions_message(message: ChatMessage) -> dict[str, Any]:
    """Return a message in the form of the Chat Completions API, without its images."""
    chat: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.tool_calls:
        chat["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": _valid_json(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        chat["tool_call_id"] = message.tool_call_id
    return chat


def _valid_json(arguments: str) -> str:
    """The arguments, or as a JSON string if they are not JSON (an answer may have been cut off)."""
    try:
        json.loads(arguments)
    except ValueError:
        return json.dumps(arguments)
    return arguments
