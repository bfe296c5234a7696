"""Field types that recur across the protocol, each with its limits and its meaning in one place.

The limits are msgspec constraints, so the decoder, the JSON Schema and the reference pages all
read them from here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, UnsetType

__all__ = [
    "MAX_EVENT_ID_CHARS",
    "NAME_PATTERN",
    "AudioBytes",
    "AudioEndMs",
    "AudioStartMs",
    "CallId",
    "ClientEventId",
    "ContentIndex",
    "EventId",
    "ItemId",
    "ItemReferenceId",
    "MaxOutputTokens",
    "Metadata",
    "Modality",
    "Obfuscation",
    "OutputIndex",
    "OutputModalities",
    "PreviousItemId",
    "ResponseId",
    "TokenCount",
]

# The lookahead closes a gap of Python's `$`, which also matches before a trailing newline.
NAME_PATTERN = r"^[a-zA-Z0-9_-]+$(?!\n)"
"""Of ids, and of what a model calls by name."""

MAX_EVENT_ID_CHARS = 512

Modality = Literal["text", "audio"]

EventId = Annotated[str, Meta(description="Unique id of this server event.")]

ClientEventId = Annotated[
    Annotated[str, Meta(max_length=MAX_EVENT_ID_CHARS)] | UnsetType | None,
    Meta(description="The client's own id of this event; an error about it carries the same id."),
]

ItemId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=NAME_PATTERN,
        description="Id of the item. A client may choose it; otherwise the server does.",
    ),
]

ItemReferenceId = Annotated[str, Meta(description="Id of the conversation item it is about.")]

PreviousItemId = Annotated[
    str | None,
    Meta(description="Id of the item before it in the conversation; null if it is the first."),
]

# 32 characters: the hosted service refuses longer call ids.
CallId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=32,
        pattern=NAME_PATTERN,
        description="Id that pairs a function call with its output.",
    ),
]

ResponseId = Annotated[str, Meta(description="Id of the response it belongs to.")]

OutputIndex = Annotated[int, Meta(ge=0, description="Place of the item in the response's output.")]

ContentIndex = Annotated[int, Meta(ge=0, description="Place of the content part in the item.")]

AudioStartMs = Annotated[
    int,
    Meta(
        ge=0,
        description="Where the span begins, in milliseconds of all audio appended in the session.",
    ),
]

AudioEndMs = Annotated[
    int,
    Meta(
        ge=0,
        description="Where the span ends, in milliseconds of all audio appended in the session.",
    ),
]

AudioBytes = Annotated[
    bytes, Meta(description="Audio in the session's format for its direction, base64 on the wire.")
]

Obfuscation = Annotated[
    str | UnsetType,
    Meta(
        description="Random padding that hides the length of the delta from an observer of "
        "encrypted traffic. Ignore it."
    ),
]

TokenCount = Annotated[int, Meta(ge=0)]

OutputModalities = Annotated[
    tuple[Modality, ...],
    Meta(
        min_length=1,
        max_length=1,
        description='Either `["audio"]` (speech with its transcript) or `["text"]`.',
    ),
]

MaxOutputTokens = Annotated[
    Annotated[int, Meta(ge=1, le=4096)] | Literal["inf"],
    Meta(description="Most tokens one response may produce, tool calls included."),
]

Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
    Meta(
        max_length=16,
        description="The client's own key-value pairs: at most 16, keys of at most 64 characters, "
        "values of at most 512.",
    ),
]
