"""What a response says, in the words of OpenTelemetry's GenAI conventions: messages of parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from antiphon.wire.items import (
    FunctionCall,
    Message,
    OutputAudio,
    OutputText,
    RealtimeConversationItem,
)
from antiphon.wire.response import RealtimeResponse

__all__ = ["output_messages"]


def output_messages(response: RealtimeResponse, finish_reason: str) -> list[dict[str, Any]]:
    """Return the output of a response as ``gen_ai.output.messages`` has it.

    Args:
        response: One that has ended.
        finish_reason: Why the model stopped.
    """
    parts = [part for item in response.output for part in _parts(item)]
    return [{"role": "assistant", "parts": parts, "finish_reason": finish_reason}] if parts else []


def _parts(item: RealtimeConversationItem) -> Iterator[dict[str, Any]]:
    match item:
        case Message(content=content):
            for part in content:
                match part:
                    case OutputText(text=text):
                        yield {"type": "text", "content": text}
                    case OutputAudio(transcript=transcript):
                        yield {"type": "text", "content": transcript or ""}
        case FunctionCall(name=name, call_id=call_id, arguments=arguments):
            yield {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}
