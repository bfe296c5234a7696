"""Functions as language models are offered them, and which of them an answer may call."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from antiphon.core.plan import ChatMessage
from antiphon.engines.thinking import GenerationRequest
from antiphon.wire.session import FunctionTool

__all__ = ["ToolRules", "described", "parameters_of", "tool_rules"]


class ToolRules(Struct, frozen=True):
    """What the model is told of functions, and what it may do with them.

    Attributes:
        offered: Functions described in the prompt.
        allowed: Those of them that it may call in this answer.
        must_call: Whether it has to call one.
        several: Whether it may make more than one call.
    """

    offered: tuple[FunctionTool, ...] = ()
    allowed: tuple[FunctionTool, ...] = ()
    must_call: bool = False
    several: bool = False


def tool_rules(request: GenerationRequest, *, trained: bool, repeat_calls: bool) -> ToolRules:
    """Work out the rules for a request.

    Args:
        request: What the model is asked.
        trained: Whether the model was trained to call functions. If not, it is told of them only
            when it must call one.
        repeat_calls: Whether it may call a function again before the user has spoken again.
    """
    if request.tool_policy == "none" or not request.tools:
        return ToolRules()
    if request.forced_tool is not None:
        forced = tuple(tool for tool in request.tools if tool.name == request.forced_tool)
        return ToolRules(request.tools, forced, must_call=bool(forced))
    # The API's default is that several are wanted; a model that is not trained finds no end.
    several = trained and request.parallel_tool_calls is not False
    if request.tool_policy == "required":
        return ToolRules(request.tools, request.tools, must_call=True, several=several)
    if not trained:
        return ToolRules()
    called = set[str]() if repeat_calls else _called_since_the_user_spoke(request.messages)
    allowed = tuple(tool for tool in request.tools if tool.name not in called)
    return ToolRules(request.tools, allowed, several=several)


def described(tool: FunctionTool) -> dict[str, Any]:
    """The tool as chat templates want it: the ``tools`` entry of the Chat Completions API."""
    function = {
        "name": tool.name,
        "description": tool.description or "",
        "parameters": parameters_of(tool),
    }
    return {"type": "function", "function": function}


def parameters_of(tool: FunctionTool) -> dict[str, Any]:
    """The JSON Schema of the tool's arguments."""
    return tool.parameters or {"type": "object", "properties": {}}


def _called_since_the_user_spoke(messages: tuple[ChatMessage, ...]) -> set[str]:
    called = set[str]()
    for message in reversed(messages):
        if message.role == "user":
            break
        called.update(call.name for call in message.tool_calls)
    return called
