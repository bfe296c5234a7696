"""What the language model sees: the items of a conversation as chat messages."""

from __future__ import annotations

from collections.abc import Iterable

from antiphon.core.conversation import Entry
from antiphon.core.plan import ChatMessage, ToolCall
from antiphon.wire.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
)

__all__ = ["chat_messages", "is_unspoken"]


def chat_messages(entries: Iterable[Entry]) -> tuple[ChatMessage, ...]:
    """Return items as messages, oldest first.

    Audio counts with its words; audio without any adds nothing. Calls that the model made one
    after the other are one message, which is how chat templates expect them.
    """
    messages: list[ChatMessage] = []
    for entry in entries:
        message = _chat_message(entry.item)
        if message is None:
            continue
        if message.tool_calls and messages and messages[-1].tool_calls:
            calls = messages[-1].tool_calls + message.tool_calls
            message = ChatMessage("assistant", messages.pop().text, tool_calls=calls)
        messages.append(message)
    return tuple(messages)


def is_unspoken(item: Item) -> bool:
    """Say whether this is a user's audio in which no words were recognized."""
    return (
        isinstance(item, Message)
        and item.role == "user"
        and any(isinstance(part, InputAudio) for part in item.content)
        and _chat_message(item) is None
    )


def _chat_message(item: Item) -> ChatMessage | None:
    match item:
        case Message(role=role, content=content):
            texts: list[str] = []
            images: list[str] = []
            for part in content:
                match part:
                    case InputText(text=text) | OutputText(text=text):
                        texts.append(text)
                    case InputAudio(transcript=text) | OutputAudio(transcript=text):
                        texts.append(text or "")
                    case InputImage(image_url=url):
                        images.append(url)
            said = " ".join(text.strip() for text in texts if text.strip())
            return ChatMessage(role, said, tuple(images)) if said or images else None
        case FunctionCall(name=name, arguments=arguments, call_id=call_id):
            return ChatMessage("assistant", tool_calls=(ToolCall(call_id or "", name, arguments),))
        case FunctionCallOutput(call_id=call_id, output=output):
            return ChatMessage("tool", output, tool_call_id=call_id)
        case _:
            return None
