"""The grammar that holds a model's answer to function calls that fit their schemas.

Small models invent functions and arguments, so decoding is constrained: an answer is text, calls,
or text and then calls; and each call names a function that may be called, with arguments that fit
its JSON schema. The language is that of llguidance, with which xllamacpp is built:
https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md. llama.cpp drops a grammar that
llguidance refuses and says nothing of it, so each one is tried out before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from msgspec import Struct

from antiphon.engines.tools.calls import ToolRules
from antiphon.engines.tools.schemas import constraint_on, grammar_refusal
from antiphon.engines.tools.syntax import CallSyntax
from antiphon.errors import EngineError

__all__ = ["MOST_CALLS", "Thoughts", "answer_grammar"]

MOST_CALLS = 8
"""In one answer. A small model does not always find an end."""

_TEXT = r"[^\s{`<\[](?s:.*)"
"""Text does not begin as JSON, a fence or a tag: small models that mean to call begin so."""


class Thoughts(Struct, frozen=True):
    """Text before the answer that nobody is told.

    Attributes:
        end: What ends them.
        most_chars: How long they may be.
    """

    end: str
    most_chars: int


def answer_grammar(
    rules: ToolRules,
    syntax: CallSyntax,
    control_tokens: Mapping[str, int],
    *,
    thoughts: Thoughts | None = None,
) -> str:
    """Return the grammar of the answers that a model may give.

    Args:
        rules: What it may call.
        syntax: How it writes calls.
        control_tokens: Numbers of the tokens that are no text, by what they are called.
        thoughts: What the answer begins with, if the model is to think first.

    Raises:
        EngineError: Code ``invalid_function_parameters`` if a function's parameters are no JSON
            Schema that arguments can be held to.
    """
    lines = ["%llguidance {}", "start: answer"]
    if thoughts is not None:
        lines[1] = "start: thoughts SPACE? answer"
        written = f"(?s:.{{0,{thoughts.most_chars}}}){_literal(thoughts.end)}"
        lines += [f"thoughts[lazy]: /{written}/", r"SPACE: /\s+/"]
    if not rules.allowed:
        return "\n".join([*lines, "answer: TEXT", f"TEXT: /{_TEXT}/"])

    def spelled(text: str) -> str:
        pieces = re.split(f"({'|'.join(map(re.escape, control_tokens)) or '$'})", text)
        return " ".join(
            f"<[{control_tokens[piece]}]>" if piece in control_tokens else json.dumps(piece)
            for piece in pieces
            if piece
        )

    signal, rest = _signal(syntax.opening, control_tokens)
    several = rules.several and syntax.between is not None
    more = f"({spelled(syntax.between or '')} call){{0,{MOST_CALLS - 1}}}" if several else ""
    calls = f"signal {spelled(rest)} call {more} {spelled(syntax.closing)}"
    if rules.must_call:
        lines += [f"answer: {calls}", f"signal: {spelled(signal)}"]
    elif signal in control_tokens:
        lines += [f"answer: TEXT | {calls}", f"signal: TEXT? {spelled(signal)}"]
        lines.append(f"TEXT: /{_TEXT}/")
    else:
        lines += [f"answer: TEXT | {calls}", f"signal: {spelled(signal)} | said"]
        lines.append(f"said[lazy]: /{_TEXT}{_literal(signal)}/")
        lines.append(f"TEXT: /{_TEXT}/ & ~/(?s:.*){_literal(signal)}(?s:.*)/")
    lines.append("call: " + " | ".join(f"call_{i}" for i in range(len(rules.allowed))))
    for i, tool in enumerate(rules.allowed):
        lines.append(f"call_{i}: {json.dumps(tool.name)} {spelled(syntax.middle)} arguments_{i}")
        lines.append(f"arguments_{i}: %json {constraint_on(tool).schema}")
    grammar = "\n".join(lines)
    refusal = grammar_refusal(grammar)
    if refusal:
        message = f"the model cannot be held to functions like these together: {refusal}"
        raise EngineError(message, stage="generate", code="invalid_function_parameters")
    return grammar


def _signal(opening: str, control_tokens: Mapping[str, int]) -> tuple[str, str]:
    """Split a call's opening into what does not occur in text, and the rest.

    The first is a control token, or else everything up to the first space or brace. An opening that
    begins with a brace is all signal.
    """
    opening = opening.lstrip()
    for token in control_tokens:
        if opening.startswith(token):
            return token, opening.removeprefix(token)
    tag = re.match(r"[^\s{]+", opening)
    end = tag.end() if tag else len(opening)
    return opening[:end], opening[end:]


def _literal(text: str) -> str:
    """The text in a regular expression between slashes."""
    return re.escape(text).replace("/", r"\/")
