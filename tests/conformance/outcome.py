"""What came of a line of a golden file, as golden files call it."""

from antiphon.core.effects import (
    CallMcpTool,
    CloseConnection,
    Effect,
    ListMcpTools,
    StartResponse,
    StopResponse,
    Transcribe,
)
from antiphon.core.plan import ChatMessage
from tests.core.support import Frame

__all__ = ["details", "head"]


def head(entry: Frame | Effect) -> str:
    """Return how a golden file calls it; nothing for what only the runtime cares about."""
    match entry:
        case {"type": event_type}:
            return f"< {event_type}"
        case Transcribe():
            return "= transcribe"
        case StartResponse():
            return "= start"
        case StopResponse():
            return "= stop"
        case ListMcpTools():
            return "= list_tools"
        case CallMcpTool():
            return "= call_tool"
        case CloseConnection():
            return "= close"
        case _:
            return ""


def details(effect: Effect) -> list[str]:
    """Return the words that go with an effect."""
    match effect:
        case Transcribe(item_id=item_id):
            return [item_id]
        case StartResponse(plan=plan):
            return [plan.response_id, *map(_shown, plan.messages)]
        case StopResponse(response_id=response_id):
            return [response_id]
        case ListMcpTools(item_id=item_id):
            return [item_id]
        case CallMcpTool(item_id=item_id, name=name):
            return [item_id, name]
        case CloseConnection(code=code):
            return [str(code)]
        case _:
            return []


def _shown(message: ChatMessage) -> str:
    calls = (f"{call.name}({call.arguments})" for call in message.tool_calls)
    return " ".join([f"{message.role}:", *filter(None, [message.text, *calls])])
