"""How a model writes function calls, found out from its chat template.

A template writes the calls of earlier answers the way the model was trained to write its own. So
calls with names that occur nowhere else are rendered, and what stands around name and arguments is
the syntax; nothing has to be known of any family of models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from antiphon.engines.tools.words import call_text

__all__ = ["IN_WORDS", "CallSyntax", "Render", "learned_syntax", "visible"]

Render = Callable[[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]], str]
"""Renders messages and tools, both as in the Chat Completions API, up to where an answer begins."""


class CallSyntax(Struct, frozen=True):
    """What stands around the names and arguments of an answer's calls.

    Attributes:
        opening: Before the first name.
        middle: Between a name and its arguments, which are JSON.
        between: Between arguments and the next name; ``None`` if an answer has one call only.
        closing: After the last arguments.
    """

    opening: str
    middle: str
    between: str | None
    closing: str


_OFFERED = "antiphon_offered"
_CALLED = ("antiphon_first", "antiphon_second")
_ARGUMENTS = json.dumps({"antiphon": 1})
_MARKS = re.compile(r'antiphon_(?:first|second)|\{\s*"antiphon"\s*:\s*1\s*\}')
_SAID = "antiphon said"
"""Nothing else in a template is called so."""

_USER = {"role": "user", "content": "Hi"}
_PARAMETERS = {"type": "object", "properties": {}}
_TOOL = {
    "type": "function",
    "function": {"name": _OFFERED, "description": "", "parameters": _PARAMETERS},
}


def learned_syntax(render: Render, control_tokens: Collection[str]) -> CallSyntax | None:
    """Return how a template writes calls.

    Args:
        render: Renders by the template. May raise ``ValueError``.
        control_tokens: What the model's tokens that are no text are called.

    Returns:
        ``None`` if the template tells the model nothing of tools, or writes calls in another way
        than as a name and, after it, arguments in JSON, or if nothing of what is around them is
        text.
    """
    syntax = _learned(render)
    if syntax is None:
        return None
    seen = visible(syntax, control_tokens)
    return syntax if seen.opening and seen.middle else None


def _learned(render: Render) -> CallSyntax | None:
    try:
        asked = render([_USER], [_TOOL])
        if _OFFERED not in asked:
            return None
        opening, middle, closing = _around(render, asked, _CALLED[:1])
    except ValueError:
        return None
    try:
        *same, between, _, _ = _around(render, asked, _CALLED)
    except ValueError:  # many templates refuse a second call
        return CallSyntax(opening, middle, None, closing)
    return CallSyntax(opening, middle, between if same == [opening, middle] else None, closing)


def visible(syntax: CallSyntax, control_tokens: Collection[str]) -> CallSyntax:
    """Return the syntax without the tokens that are no text, which llama.cpp does not show."""

    def shown(text: str) -> str:
        for token in control_tokens:
            text = text.replace(token, "")
        return text

    return replace(
        syntax,
        opening=shown(syntax.opening).lstrip(),
        middle=shown(syntax.middle),
        between=None if syntax.between is None else shown(syntax.between),
        closing=shown(syntax.closing),
    )


def _around(render: Render, asked: str, names: Sequence[str]) -> list[str]:
    """What stands before, between and after the names and arguments of calls.

    Raises:
        ValueError: The template refuses the calls, or does not show them as they are.
    """
    calls = [
        # Mistral's templates insist on ids of nine letters and digits.
        {
            "id": f"antiphon{number}",
            "type": "function",
            "function": {"name": name, "arguments": _ARGUMENTS},
        }
        for number, name in enumerate(names)
    ]
    called = render([_USER, {"role": "assistant", "content": "", "tool_calls": calls}], [_TOOL])
    said = render([_USER, {"role": "assistant", "content": _SAID}], [_TOOL])
    end = said.partition(_SAID)[2]
    pieces = _MARKS.split(called.removeprefix(asked).removesuffix(end))
    shown = called.startswith(asked) and called.endswith(end) and len(pieces) == 2 * len(names) + 1
    if not shown:
        message = "the chat template does not show calls as a name and arguments in JSON"
        raise ValueError(message)
    return pieces


def _in_words() -> CallSyntax:
    pieces = _MARKS.split("\n".join(call_text(name, _ARGUMENTS) for name in _CALLED))
    opening, middle, between, _, closing = pieces
    return CallSyntax(opening, middle, between, closing)


IN_WORDS = _in_words()
"""How a model writes calls that is told of tools in words."""
