"""The words of items, to be searched, and items without them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from msgspec import UNSET
from msgspec.structs import replace

from antiphon.wire.items import (
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpListTools,
    Message,
    OutputAudio,
    OutputText,
    Part,
)
from antiphon.wire.response import RealtimeResponse

__all__ = [
    "SEARCHED_CHARS",
    "storable",
    "text_of",
    "without_content",
    "without_media",
    "without_output_content",
]


SEARCHED_CHARS = 100_000
"""How much of an item is searched: PostgreSQL indexes no text whose words take a MiB and more."""


def storable(text: str) -> str:
    """Return a text as a database can hold it: PostgreSQL takes no character of code 0."""
    return text.replace("\x00", "\ufffd")


def text_of(item: Item) -> str:
    """Return what is said and written in an item, to be searched: its first 100,000 characters."""
    return storable("\n".join(text for text in _texts(item) if text))[:SEARCHED_CHARS]


def _texts(item: Item) -> Iterator[str | None]:
    match item:
        case Message(content=content):
            for part in content:
                match part:
                    case InputText(text=text) | OutputText(text=text):
                        yield text
                    case InputAudio(transcript=text) | OutputAudio(transcript=text):
                        yield text or None
        case FunctionCall(name=name, arguments=arguments):
            yield name
            yield arguments
        case FunctionCallOutput(output=output):
            yield output
        case McpCall(name=name, arguments=arguments, output=output):
            yield name
            yield arguments
            yield output
        case McpApprovalRequest(name=name, arguments=arguments):
            yield name
            yield arguments


def without_media(item: Item) -> Item:
    """Return an item without audio and images, which some services send with it."""
    if not isinstance(item, Message):
        return item
    return replace(item, content=tuple(_described(part) for part in item.content))


def without_content(item: Item) -> Item:
    """Return an item without what was said and written; its kind, ids and names stay."""
    item = without_media(item)
    match item:
        case Message(content=content):
            return replace(item, content=tuple(_emptied(part) for part in content))
        case FunctionCall() | McpApprovalRequest():
            return replace(item, arguments="")
        case FunctionCallOutput():
            return replace(item, output="")
        case McpCall(output=output, error=error):
            emptied = replace(error, message="") if error is not None else None
            return replace(item, arguments="", output=None if output is None else "", error=emptied)
        case McpApprovalResponse():
            return replace(item, reason=UNSET)
        case McpListTools():
            return replace(item, tools=())


def without_output_content(response: RealtimeResponse) -> RealtimeResponse:
    """Return a response without what was said and written in its output."""
    return replace(response, output=tuple(without_content(item) for item in response.output))


def _described(part: ContentPart | Part) -> ContentPart:
    match part:
        case InputImage(image_url=str()):
            return replace(part, image_url=UNSET)
        case InputAudio(audio=bytes()) | OutputAudio(audio=bytes()):
            return replace(part, audio=UNSET)
        case _:
            return cast("ContentPart", part)


def _emptied(part: ContentPart | Part) -> ContentPart:
    match part:
        case InputText() | OutputText():
            return replace(part, text="")
        case InputAudio(transcript=str()) | OutputAudio(transcript=str()):
            return replace(part, transcript="")
        case _:
            return cast("ContentPart", part)
