"""Items that a client puts into the conversation, or into the input of one response."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from antiphon.core.abilities import Abilities
from antiphon.core.conversation import Entry
from antiphon.core.images import check_images
from antiphon.core.outgoing import Outgoing
from antiphon.errors import RequestError
from antiphon.wire.audio_config import AudioFormat, PcmFormat
from antiphon.wire.items import (
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    Message,
    OutputText,
    Part,
)

__all__ = ["Admitted", "admit", "size_bytes_of"]

_PCM_BYTES_PER_MS = 48  # 24 000 samples of two bytes each second
_G711_BYTES_PER_MS = 8


class Admitted(NamedTuple):
    """An item that has been taken in.

    Attributes:
        entry: The item with its bookkeeping, without audio bytes.
        audio: Audio whose words have to be found out; ``None`` if there is none.
    """

    entry: Entry
    audio: bytes | None


def admit(
    item: Item,
    outgoing: Outgoing,
    *,
    before: Iterable[Entry],
    abilities: Abilities,
    audio_format: AudioFormat,
    param: str,
) -> Admitted:
    """Check an item and make it one of ours.

    Args:
        item: As the client sent it.
        outgoing: Gives an id to an item that has none.
        before: Where a function's output has to find its call.
        abilities: What clients may ask for.
        audio_format: Format of audio in the item.
        param: Path of the item in the client's event, for errors.

    Raises:
        RequestError: The item cannot be taken.
    """
    item_id = item.id or outgoing.item_id()
    match item:
        case Message():
            check_images(item, abilities, param)
            message = replace(item, id=item_id, object=UNSET, status="completed")
            return _admit_message(message, audio_format, param)
        case FunctionCall():
            call_id = item.call_id or outgoing.call_id()
            called = replace(item, id=item_id, object=UNSET, status="completed", call_id=call_id)
            return Admitted(Entry(called), None)
        case FunctionCallOutput():
            if not _has_call(before, item.call_id):
                reason = f"Tool call ID '{item.call_id}' not found in conversation."
                code = "invalid_tool_call_id"
                raise RequestError(reason, code=code, param=f"{param}.call_id")
            return Admitted(Entry(replace(item, id=item_id, object=UNSET, status=UNSET)), None)
        case _:  # of MCP: what was listed, called and approved before, for the model to know
            return Admitted(Entry(replace(item, id=item_id)), None)


def size_bytes_of(item: Item) -> int:
    """Return how much text, and how many images, an item holds; ids and names do not count."""
    match item:
        case Message(content=parts):
            return sum(_size_bytes_of_part(part) for part in parts)
        case FunctionCall(arguments=text) | FunctionCallOutput(output=text):
            return len(text)
        case _:  # of MCP: bounded where it comes from, and by the frame
            return len(msgspec.json.encode(item))


def _size_bytes_of_part(part: ContentPart | Part) -> int:
    match part:
        case InputImage(image_url=str(url)):
            return len(url)
        case InputText(text=text) | OutputText(text=text):
            return len(text)
        case InputAudio(transcript=str(text)):
            return len(text)
        case _:
            return 0


def _has_call(entries: Iterable[Entry], call_id: str) -> bool:
    return any(
        isinstance(entry.item, FunctionCall) and entry.item.call_id == call_id for entry in entries
    )


def _admit_message(item: Message, audio_format: AudioFormat, param: str) -> Admitted:
    """Take a message, in which a user may have spoken."""
    recordings = [
        (index, part.audio, part.transcript)
        for index, part in enumerate(item.content)
        if isinstance(part, InputAudio) and part.audio
    ]
    if not recordings:
        return Admitted(Entry(item), None)
    if len(recordings) > 1:
        path = f"{param}.content[{recordings[1][0]}]"
        message = "A message holds one 'input_audio' part with audio. Send one message for each."
        raise RequestError(message, code="invalid_value", param=path)
    index, audio, transcript = recordings[0]
    is_pcm = isinstance(audio_format, PcmFormat)
    if is_pcm and len(audio) % 2:
        path = f"{param}.content[{index}].audio"
        message = (
            f"Invalid 'audio': {len(audio)} bytes of 16-bit PCM is not a whole number of samples. "
            "Send an even number of bytes."
        )
        raise RequestError(message, code="invalid_value", param=path)
    content = tuple(
        replace(part, audio=UNSET) if isinstance(part, InputAudio) else part
        for part in item.content
    )
    entry = Entry(
        replace(item, content=content),
        audio_ms=len(audio) / (_PCM_BYTES_PER_MS if is_pcm else _G711_BYTES_PER_MS),
        audio_part=index,
    )
    return Admitted(entry, audio if transcript is None else None)
