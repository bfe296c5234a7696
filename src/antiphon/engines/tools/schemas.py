"""The JSON schemas of functions' arguments: what can hold a model to them, and what cannot.

llguidance, which holds the model to a schema token by token, knows most of JSON Schema, but not all
of it (https://github.com/guidance-ai/llguidance/blob/main/docs/json_schema.md). What it does not
know it is told to overlook, and such arguments are checked when they are complete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from antiphon.engines.tools.calls import parameters_of
from antiphon.engines.tools.shapes import shape_fault
from antiphon.engines.tools.validation import fault_of
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool

__all__ = ["Constraint", "check_arguments", "check_shape", "constraint_on", "grammar_refusal"]

_JSON_STYLE = {
    # As models are trained to write JSON, and in as few tokens as that takes.
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
}

_SHOWN_CHARS = 250
"""Of the beginning of a reason, and of its end; patterns may be of any length."""

_OPENING_WORDS = {"$ref", "allOf", "anyOf", "oneOf", "patternProperties", "unevaluatedProperties"}
"""Schemas that allow properties elsewhere than in ``properties``."""


class Constraint(Struct, frozen=True):
    """What a function's arguments are held to while they are written.

    Attributes:
        schema: JSON text of a schema for llguidance.
        complete: Whether it says all that the function's own schema says.
    """

    schema: str
    complete: bool


def constraint_on(tool: FunctionTool) -> Constraint:
    """Return what the tool's arguments are held to.

    Raises:
        EngineError: Code ``invalid_function_parameters`` if that is no JSON Schema of an object, or
            nothing can be held to it.
    """
    check_shape(tool)
    schema = parameters_of(tool)
    kind = schema.get("type", "object")
    if kind != "object" and (isinstance(kind, str) or "object" not in kind):
        raise _unusable(tool.name, f"arguments are objects, not {kind!r}")
    return _constraint(tool.name, json.dumps(_closed({**schema, "type": "object"})))


def check_shape(tool: FunctionTool) -> None:
    """Check that the tool's parameters can be read as a JSON Schema at all.

    Raises:
        EngineError: Code ``invalid_function_parameters``, with the place of what cannot.
    """
    if fault := shape_fault(parameters_of(tool)):
        raise _unusable(tool.name, fault)


def check_arguments(tool: FunctionTool, arguments: str) -> None:
    """Check complete arguments against the tool's own schema.

    Raises:
        EngineError: Code ``tool_call_failed`` if they do not fit, ``invalid_function_parameters``
            if nothing can be checked against the schema.
    """
    try:
        fault = fault_of(json.loads(arguments), parameters_of(tool))
    except Exception as error:
        message = f"the arguments cannot be checked against it: {_shortened(str(error))}"
        raise _unusable(tool.name, message) from error
    if fault:
        message = (
            f"the model called {tool.name} with arguments that its schema does not allow: "
            f"{_shortened(fault)}; ask again, or simplify the schema"
        )
        raise EngineError(message, stage="generate", code="tool_call_failed", retryable=True)


@lru_cache(maxsize=512)
def grammar_refusal(grammar: str) -> str:
    """Return why llguidance refuses a grammar; ``""`` if it does not. Takes a millisecond."""
    from llguidance import LLMatcher  # noqa: PLC0415 (an optional extra)

    return str(LLMatcher.validate_grammar(grammar))


def _constraint(name: str, schema: str) -> Constraint:
    refusal = ""
    for lenient in (False, True):
        styled = {**json.loads(schema), "x-guidance": {**_JSON_STYLE, "lenient": lenient}}
        text = json.dumps(styled)
        refusal = grammar_refusal(f"%llguidance {{}}\nstart: %json {text}")
        if not refusal:
            # A key that comes twice counts twice there, and once for the client.
            counted = '"minProperties"' in schema
            return Constraint(text, complete=not lenient and not counted)
    raise _unusable(name, _reason(refusal))


def _reason(refusal: str) -> str:
    """What llguidance says, without the grammar that follows: of patterns, also where and why."""
    reason = re.sub(r"^at [^:]*: (failed to compile JSON schema: )?", "", refusal)
    reason = reason.partition("\n   1 | %llguidance")[0]
    return _shortened(reason)


def _shortened(text: str) -> str:
    if len(text) <= 2 * _SHOWN_CHARS:
        return text
    return f"{text[:_SHOWN_CHARS]} … {text[-_SHOWN_CHARS:]}"


def _closed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema without properties that it does not name, where it leaves that open.

    JSON Schema allows further properties unless it is told otherwise, and small models use that to
    invent some.
    """
    named = schema.get("properties", {}).keys() >= set(schema.get("required", ()))
    if named and not schema.keys() & _OPENING_WORDS:
        return {"additionalProperties": False, **schema}
    return schema


def _unusable(name: str, reason: str) -> EngineError:
    message = f"the parameters of the function {name!r} cannot be used: {reason}"
    return EngineError(message, stage="generate", code="invalid_function_parameters")
