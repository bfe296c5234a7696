"""What the language model sees: the items of a conversation as chat messages."""

from __future__ import annotations

from collections.abc import Iterable

from antiphon.core.conversation import Entry
from antiphon.core.plan import ChatAudio, ChatImage, ChatMessage, ToolCall
from antiphon.wire.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    McpCall,
    Message,
    OutputAudio,
    OutputText,
)

__all__ = ["chat_messages", "is_unspoken", "messages_of"]


def chat_messages(entries: Iterable[Entry]) -> tuple[ChatMessage, ...]:
    """Return items as messages, oldest first.

    Audio counts with its words, unless the model hears it; audio without any adds nothing. Calls
    that the model made one after the other are one message, as chat templates expect them.
    """
    messages: list[ChatMessage] = []
    for entry in entries:
        for message in messages_of(entry):
            if message.tool_calls and messages and messages[-1].tool_calls:
                calls = messages[-1].tool_calls + message.tool_calls
                message = ChatMessage("assistant", messages.pop().text, tool_calls=calls)  # noqa: PLW2901
            messages.append(message)
    return tuple(messages)


def messages_of(entry: Entry) -> tuple[ChatMessage, ...]:
    """Return the messages of one item; none if the model sees nothing of it.

    They are worked out once for each form of the item: a long conversation is read again with
    every response, and hardly any of it has changed.
    """
    if entry.messages is None:
        entry.messages = _messages(entry)
    return entry.messages


def is_unspoken(entry: Entry) -> bool:
    """Say whether this is a user's audio in which no words were recognized."""
    item = entry.item
    return (
        isinstance(item, Message)
        and item.role == "user"
        and any(isinstance(part, InputAudio) for part in item.content)
        and not messages_of(entry)
    )


def _messages(entry: Entry) -> tuple[ChatMessage, ...]:
    match entry.item:
        case Message(role=role, content=content):
            texts: list[str] = []
            images: list[ChatImage] = []
            audio: list[ChatAudio] = []
            for part in content:
                match part:
                    case InputText(text=text) | OutputText(text=text):
                        texts.append(text.strip())
                    case InputAudio(transcript=text) if entry.model_hears:
                        audio.append(ChatAudio(entry.id, text or "", len(_joined(texts))))
                    case InputAudio(transcript=text) | OutputAudio(transcript=text):
                        texts.append((text or "").strip())
                    case InputImage(image_url=str() as url, detail=detail):
                        images.append(ChatImage(url, detail or "auto"))
            said = _joined(texts)
            if not (said or images or audio):
                return ()
            return (ChatMessage(role, said, tuple(images), tuple(audio)),)
        case FunctionCall(name=name, arguments=arguments, call_id=call_id):
            return (
                ChatMessage("assistant", tool_calls=(ToolCall(call_id or "", name, arguments),)),
            )
        case FunctionCallOutput(call_id=call_id, output=output):
            return (ChatMessage("tool", output, tool_call_id=call_id),)
        case McpCall(id=item_id, name=name, arguments=arguments) as call:
            made = ToolCall(item_id, name, arguments or "{}")
            return (
                ChatMessage("assistant", tool_calls=(made,)),
                ChatMessage("tool", _result(call), tool_call_id=item_id),
            )
        case _:
            return ()


def _joined(texts: list[str]) -> str:
    return " ".join(filter(None, texts))


def _result(call: McpCall) -> str:
    if call.error is not None:
        return f"Error: {call.error.message}"
    return "(There is no result yet.)" if call.output is None else call.output
