"""Functions told in words, for models whose chat template knows none.

The way to call is the most common one among models that are trained for it: JSON in ``<tool_call>``
tags, as Nous Research's Hermes models write it and Qwen's do. Outputs are told in its
``<tool_response>`` tags. A function takes about 20 tokens, where its JSON schema takes 100.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["call_text", "in_words"]

_INTRODUCTION = "You can call functions. To call one, answer with nothing but"


def in_words(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return messages of text only, which say what the given ones and the tools do.

    Args:
        messages: As in the Chat Completions API.
        tools: Its ``tools``; told at the end of the first message, if that is the system's, else
            in a message before it.
    """
    told = [_told(message) for message in messages]
    if not tools:
        return told
    description = _description(tools)
    if told and told[0]["role"] == "system":
        first, *others = told
        return [{**first, "content": f"{first['content']}\n\n{description}"}, *others]
    return [{"role": "system", "content": description}, *told]


def call_text(name: str, arguments: str) -> str:
    """Return a call as the model is told to write it, with its arguments as JSON."""
    return f'<tool_call>\n{{"name": {json.dumps(name)}, "arguments": {arguments}}}\n</tool_call>'


def _told(message: Mapping[str, Any]) -> dict[str, Any]:
    if message["role"] == "tool":
        content = f"<tool_response>\n{message['content']}\n</tool_response>"
        return {"role": "user", "content": content}
    calls = [call["function"] for call in message.get("tool_calls", ())]
    texts = [call_text(call["name"], call["arguments"]) for call in calls]
    content = "\n".join([*filter(None, [message["content"]]), *texts])
    return {"role": message["role"], "content": content}


def _description(tools: Sequence[Mapping[str, Any]]) -> str:
    functions = "\n".join(_signature(tool["function"]) for tool in tools)
    return f"{_INTRODUCTION}\n{call_text('…', '{…}')}\nThe functions:\n{functions}"


def _signature(function: Mapping[str, Any]) -> str:
    # Prompts are measured before anybody judges whether this is a schema.
    schema = function["parameters"]
    properties, required = schema.get("properties"), schema.get("required")
    named = properties if isinstance(properties, dict) else {}
    needed = required if isinstance(required, list) else []
    parameters = ", ".join(
        f"{name}{'' if name in needed else '?'}: {_kind(kind)}" for name, kind in named.items()
    )
    description = function["description"]
    return f"- {function['name']}({parameters})" + (f": {description}" if description else "")


def _kind(schema: Any) -> str:  # noqa: ANN401 (a JSON Schema)
    """What a parameter takes: in a word where one says it, else its schema."""
    match schema:
        case {"enum": [*values]}:
            return " | ".join(json.dumps(value, ensure_ascii=False) for value in values)
        case {"type": "string" | "number" | "integer" | "boolean" as kind, **others}:
            description = others.pop("description", None)
            if not others:
                return f"{kind} ({description})" if description else str(kind)
    return json.dumps(schema, ensure_ascii=False)
