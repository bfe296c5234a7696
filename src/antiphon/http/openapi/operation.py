"""What is told of each page."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = [
    "EVENTS",
    "FORM",
    "JSON",
    "KEY_ERRORS",
    "MINTING_ERRORS",
    "READING_ERRORS",
    "TEXT",
    "WORKING_ERRORS",
    "Key",
    "ModelQuery",
    "Operation",
]

EVENTS = "text/event-stream"
JSON = "application/json"
FORM = "multipart/form-data"
TEXT = "text/plain"

KEY_ERRORS = (401, 403)
READING_ERRORS = (400, *KEY_ERRORS, 404, 503)
MINTING_ERRORS = (400, *KEY_ERRORS, 404, 413, 415)
WORKING_ERRORS = (400, *KEY_ERRORS, 404, 413, 415, 429, 500, 501, 503)


class Key(Enum):
    """What a client needs to use a page."""

    NONE = "none"
    ANY = "any"
    ANY_OR_SECRET = "any_or_secret"  # noqa: S105 (not a secret)
    ADMIN = "admin"


class Operation(NamedTuple):
    """What can be done with one method at one path.

    Attributes:
        method: In upper case.
        path: With ``/v1``; most are there without as well.
        name: For programs that make clients of the document; unique.
        tag: What it is about.
        summary: What it does.
        key: What a client needs.
        answer: Types of the answer by media types; ``None`` for what is no JSON.
        errors: Statuses that it may have instead.
        query: The parameters.
        body: Types of the body by media types; ``None`` for what is no JSON.
        needs_body: Whether there has to be one.
        status: Of the answer.
        also: Types of the JSON that it may answer with another status.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    key: Key
    answer: Mapping[str, Any] = {}
    errors: tuple[int, ...] = ()
    query: type[Struct] | None = None
    body: Mapping[str, Any] = {}
    needs_body: bool = True
    status: int = 200
    also: Mapping[int, Any] = {}


class ModelQuery(Struct, frozen=True, kw_only=True):
    """Query of what is about one model."""

    model: Annotated[
        str | UnsetType, Meta(description="Name of the model; the default if absent.")
    ] = UNSET
