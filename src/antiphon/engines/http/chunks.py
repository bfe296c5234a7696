"""The Chat Completions API: the forms of what a language model streams.

Servers differ in details, and one odd field should not cost an answer. So what only has to be read
if it can be is of any type here, and read by functions that take what there is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.engines.http.failures import BadAnswerError

__all__ = [
    "AudioDelta",
    "CallDelta",
    "Choice",
    "Chunk",
    "Delta",
    "FunctionDelta",
    "Usage",
    "chunk_of",
    "json_in",
    "text_in",
    "usages_in",
]

_MOST_TOKENS = 2**53
"""As many as every reader of JSON can count."""


class FunctionDelta(Struct):
    """More of a function call's name and arguments."""

    name: Any = None
    arguments: Any = None


class CallDelta(Struct):
    """More of a function call."""

    index: int | float | str | None = None
    id: int | float | str | None = None
    function: FunctionDelta | None = None


class AudioDelta(Struct):
    """More of what is spoken, and of its words."""

    data: str | None = None
    transcript: Any = None


class Delta(Struct):
    """More of a message, or all of it."""

    content: Any = None
    audio: AudioDelta | None = None
    refusal: Any = None
    tool_calls: tuple[CallDelta, ...] | None = None
    function_call: FunctionDelta | None = None  # before there were several at once


class Choice(Struct):
    """More of an answer; there is one of them."""

    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: Any = None
    usage: Any = None


class Chunk(Struct):
    """One event of the stream; fields that are not needed here are left out."""

    choices: tuple[Choice, ...] | None = None
    usage: Any = None
    x_groq: Any = None


class Usage(Struct, frozen=True):
    """How many tokens an answer took."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


def chunk_of(value: object) -> Chunk:
    """Read an event.

    Raises:
        BadAnswerError: It is no chunk of a completion.
    """
    try:
        return msgspec.convert(value, Chunk, strict=False)
    except msgspec.ValidationError as error:
        message = f"sent an event that is no chunk of a completion: {error}"
        raise BadAnswerError(message) from error


def text_in(value: object) -> str:
    """Return the text of a field: a string, or parts of which some are text."""
    match value:
        case str():
            return value
        case int() | float():
            return json.dumps(value)
        case list():
            return "".join(map(_text_of_part, value))
        case _:
            return ""


def json_in(value: object) -> str:
    """Return a field that should be JSON text, and that some send as what the text says."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def usages_in(chunk: Chunk) -> Iterator[Usage]:
    """Yield what a chunk tells of tokens, wherever it does."""
    told = [chunk.usage, *(choice.usage for choice in chunk.choices or ())]
    if isinstance(chunk.x_groq, dict):
        told.append(chunk.x_groq.get("usage"))
    for usage in told:
        if isinstance(usage, dict):
            details = usage.get("prompt_tokens_details")
            cached = details.get("cached_tokens") if isinstance(details, dict) else None
            yield Usage(
                _count(usage.get("prompt_tokens")),
                _count(cached),
                _count(usage.get("completion_tokens")),
            )


def _text_of_part(part: object) -> str:
    match part:
        case str():
            return part
        case {"type": "text" | "output_text", "text": str(text)}:
            return text
        case _:
            return ""


def _count(value: object) -> int:
    """A number of tokens, whatever was sent for one."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 0
    except OverflowError:
        number = math.inf
    return 0 if math.isnan(number) else int(min(max(number, 0), _MOST_TOKENS))
