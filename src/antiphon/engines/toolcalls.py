"""Function calls of small models: constrained while they are written, recognized as they arrive.

A small model writes a call as plain text, ``{"name": "…", "arguments": {…}}``, now and then inside
a Markdown fence or ``<tool_call>`` tags, and invents arguments. So decoding is constrained by a
grammar in which an answer is either a call that fits its function's JSON schema, or a text that
does not begin like one. The grammar language is that of llguidance, with which xllamacpp is
built: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md.

A schema that llguidance refuses switches the grammar off without a word, so :class:`CallReader`
relies on it for nothing: it recognizes a call by its beginning, whatever surrounds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from enum import Enum, auto
from typing import Any

from msgspec import Struct

from antiphon.core.plan import ChatMessage
from antiphon.engines.thinking import GenerationRequest, TextDelta, ToolCallDelta
from antiphon.wire.session import FunctionTool

__all__ = ["CallReader", "Reading", "ToolRules", "call_grammar", "described", "tool_rules"]

_JSON_STYLE = {
    # As models are trained to write JSON, and in as few tokens as that takes.
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    # Ignore what llguidance does not know (`format`s, `uniqueItems`, …) instead of refusing.
    "lenient": True,
}

_TEXT = r"TEXT: /[^\s{`<\[][\s\S]*/"
"""An answer that does not begin as JSON, a fence or a tag."""

_OPENINGS = ("```json", "```", "<tool_call>")

_CALL = re.compile(
    r"""\s* (?: ```(?:json)? | <tool_call> )? \s*
        \{ \s* "name" \s* : \s* "(?P<name>[^"]+)" \s* , \s*
        "(?: arguments | parameters )" \s* : \s* (?=\{)""",
    re.VERBOSE,
)

_LONGEST_BEGINNING_CHARS = 200
"""No call's beginning is longer: function names have at most 64 characters."""


class ToolRules(Struct, frozen=True):
    """What the model is told of functions, and what it may do with them.

    Attributes:
        offered: Functions described in the prompt.
        allowed: Those of them that it may call in this answer.
        must_call: Whether it has to call one.
    """

    offered: tuple[FunctionTool, ...] = ()
    allowed: tuple[FunctionTool, ...] = ()
    must_call: bool = False


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
    if request.tool_policy == "required":
        return ToolRules(request.tools, request.tools, must_call=True)
    if not trained:
        return ToolRules()
    called = set[str]() if repeat_calls else _called_since_the_user_spoke(request.messages)
    allowed = tuple(tool for tool in request.tools if tool.name not in called)
    return ToolRules(request.tools, allowed)


def described(tool: FunctionTool) -> dict[str, Any]:
    """The tool as chat templates want it: the ``tools`` entry of the Chat Completions API."""
    function = {
        "name": tool.name,
        "description": tool.description or "",
        "parameters": _parameters(tool),
    }
    return {"type": "function", "function": function}


def call_grammar(tools: Sequence[FunctionTool], *, must_call: bool) -> str:
    """A grammar of the answers that the model may give.

    Args:
        tools: Functions that may be called; without any, the answer is text.
        must_call: Whether the answer has to be a call.
    """
    answers = [f"call_{i}" for i in range(len(tools))]
    if not must_call:
        answers.append("TEXT")
    rules = ["%llguidance {}", f"start: {' | '.join(answers)}"]
    for i, tool in enumerate(tools):
        opening = f'{{"name": {json.dumps(tool.name)}, "arguments": '
        rules.append(f'call_{i}: {json.dumps(opening)} arguments_{i} "}}"')
        rules.append(f"arguments_{i}: %json {json.dumps(_constraint(tool))}")
    if not must_call:
        rules.append(_TEXT)
    return "\n".join(rules)


class Reading(Enum):
    """What the answer has turned out to be so far."""

    UNDECIDED = auto()
    TEXT = auto()
    ARGUMENTS = auto()
    CALLED = auto()


class CallReader:
    """Sorts streamed text into text and function calls.

    Text is held back only while it may still be the beginning of a call.

    Args:
        names: Functions that may be called; without any, everything is text.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._held = ""
        self._held_tokens = 0
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self.reading = Reading.UNDECIDED if names else Reading.TEXT

    def read(self, text: str, tokens: int) -> list[TextDelta | ToolCallDelta]:
        """Take more of the answer, ``tokens`` tokens long, and return what is certain by now.

        What follows a finished call is dropped.
        """
        match self.reading:
            case Reading.TEXT:
                return [TextDelta(text, tokens)]
            case Reading.ARGUMENTS:
                return [ToolCallDelta(0, arguments=self._arguments_in(text), tokens=tokens)]
            case Reading.CALLED:
                return []
        self._held += text
        self._held_tokens += tokens
        call = _CALL.match(self._held)
        if call is not None and call["name"] in self._names:
            self.reading = Reading.ARGUMENTS
            arguments = self._arguments_in(self._held[call.end() :])
            return [ToolCallDelta(0, call["name"], arguments, self._held_tokens)]
        if call is None and _may_begin_a_call(self._held):
            return []
        return self.finish()

    def finish(self) -> list[TextDelta | ToolCallDelta]:
        """The answer has ended: release what was held back, as text."""
        if self.reading is not Reading.UNDECIDED:
            return []
        self.reading = Reading.TEXT
        return [TextDelta(self._held, self._held_tokens)] if self._held else []

    def _arguments_in(self, text: str) -> str:
        """The part of ``text`` that belongs to the arguments' object."""
        for i, char in enumerate(text):
            if self._in_string:
                if self._escaped:
                    self._escaped = False
                elif char == "\\":
                    self._escaped = True
                elif char == '"':
                    self._in_string = False
            elif char == '"':
                self._in_string = True
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
                if self._depth == 0:
                    self.reading = Reading.CALLED
                    return text[: i + 1]
        return text


def _parameters(tool: FunctionTool) -> dict[str, Any]:
    return tool.parameters or {"type": "object", "properties": {}}


def _constraint(tool: FunctionTool) -> dict[str, Any]:
    """The schema that the arguments are held to.

    JSON Schema allows further properties unless it is told otherwise, and small models use that to
    invent some; so they are told otherwise, where the schema leaves it open.
    """
    schema = {"type": "object", **_parameters(tool)}
    if not schema.keys() & {"$ref", "allOf", "anyOf", "oneOf", "patternProperties"}:
        schema = {"additionalProperties": False, **schema}
    return {**schema, "x-guidance": _JSON_STYLE}


def _may_begin_a_call(held: str) -> bool:
    rest = held.lstrip()
    if any(opening.startswith(rest) for opening in _OPENINGS):
        return True
    for opening in _OPENINGS:
        if rest.startswith(opening):
            rest = rest.removeprefix(opening)
            break
    beginning = '{"name":'
    compact = re.sub(r"\s", "", rest)[: len(beginning)]
    return beginning.startswith(compact) and len(rest) < _LONGEST_BEGINNING_CHARS


def _called_since_the_user_spoke(messages: tuple[ChatMessage, ...]) -> set[str]:
    called = set[str]()
    for message in reversed(messages):
        if message.role == "user":
            break
        called.update(call.name for call in message.tool_calls)
    return called
