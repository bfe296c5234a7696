"""How much a client may send of what has no limit in the hosted API's documents, or none known.

The numbers are far beyond what a model reads. They are there so that what one session holds is
bounded: texts, schemas, and whatever else a client may think of.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from antiphon.wire.refusal import InvalidFieldError

__all__ = [
    "MAX_APPEND_BYTES",
    "MAX_FUNCTION_NAME_CHARS",
    "MAX_INPUT_ITEMS",
    "MAX_INSTRUCTIONS_CHARS",
    "MAX_PARTS",
    "MAX_SCHEMA_BYTES",
    "MAX_SETTINGS_BYTES",
    "MAX_TEXT_CHARS",
    "MAX_TOOLS",
    "refuse_oversized",
]

MAX_APPEND_BYTES = 15 * 1024 * 1024
"""Of audio in one event. The hosted service's documented limit; judged on the audio itself, not on
its base64 text."""

MAX_INSTRUCTIONS_CHARS = 1 << 18
"""Of a session or a response. Some 65 000 tokens, where the hosted service takes 16 384."""

MAX_TEXT_CHARS = 1 << 20
"""Of one text: a part of a message, the arguments of a call or its output."""

MAX_PARTS = 64
"""Of one message."""

MAX_TOOLS = 128
"""Of a session or a response, each server of tools counted as one. As the hosted API has it."""

MAX_FUNCTION_NAME_CHARS = 128
"""As the hosted API has it. A model writes the name again with each call."""

MAX_SCHEMA_BYTES = 1 << 16
"""Of the parameters of one function, as JSON."""

MAX_SETTINGS_BYTES = 1 << 20
"""Of all settings in one event together, as JSON."""

MAX_INPUT_ITEMS = 4096
"""Of a response's own input."""


def refuse_oversized(value: object, field: str, most_bytes: int) -> None:
    """Refuse a value that is too large.

    Args:
        value: Anything that can be written as JSON; absent values have no size.
        field: Its path in the object that holds it.
        most_bytes: How large its JSON may be.

    Raises:
        InvalidFieldError: ``object_above_max_size``.
    """
    size_bytes = 0 if value is UNSET else len(msgspec.json.encode(value))
    if size_bytes > most_bytes:
        message = (
            f"Invalid '{{param}}': too large. As JSON it has {size_bytes} bytes, and may have "
            f"{most_bytes}. Leave out what the model has no use for."
        )
        raise InvalidFieldError(field, message, code="object_above_max_size")
