"""Messages in the form of the Chat Completions API, which chat templates take as well."""

from __future__ import annotations

import json
from contextlib import suppress
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
    """The arguments as a JSON object, as which servers and templates take them.

    An answer may have been cut off, and clients may create calls with anything: what is no object
    becomes the value of one.
    """
    if arguments.strip() in ("", "null"):
        return "{}"
    value: object = arguments
    with suppress(ValueError, RecursionError):
        value = json.loads(arguments)
    return arguments if isinstance(value, dict) else json.dumps({"arguments": value})
