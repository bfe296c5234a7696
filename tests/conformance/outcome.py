"""What came of a line of a golden file, as golden files call it."""

from collections.abc import Callable, Sequence

from antiphon.core.effects import (
    CallMcpTool,
    ClearPlayback,
    CloseConnection,
    DropGuess,
    Effect,
    GuessResponse,
    ListMcpTools,
    NeedTranscript,
    ReleaseGuess,
    StartResponse,
    StopResponse,
    StopTranscribing,
    Transcribe,
)
from antiphon.core.plan import ChatMessage
from tests.core.support import Frame

from .golden import Line, Names, Step

__all__ = ["check", "details", "head"]


_ASKED: dict[type[Effect], str] = {
    Transcribe: "transcribe",
    NeedTranscript: "need",
    StopTranscribing: "stop_transcribing",
    GuessResponse: "guess",
    ReleaseGuess: "release",
    DropGuess: "drop",
    StartResponse: "start",
    StopResponse: "stop",
    ListMcpTools: "list_tools",
    CallMcpTool: "call_tool",
    ClearPlayback: "clear_playback",
    CloseConnection: "close",
}
"""What the runtime is asked to do, as golden files call it."""


def head(entry: Frame | Effect) -> str:
    """Return how a golden file calls it; nothing for what only the runtime cares about."""
    if isinstance(entry, dict):
        return f"< {entry['type']}"
    asked = _ASKED.get(type(entry))
    return f"= {asked}" if asked else ""


def details(effect: Effect) -> list[str]:
    """Return the words that go with an effect."""
    match effect:
        case (
            Transcribe(item_id=item_id)
            | NeedTranscript(item_id=item_id)
            | StopTranscribing(item_id=item_id)
        ):
            return [item_id]
        case StartResponse(plan=plan) | GuessResponse(plan=plan):
            return [plan.response_id, *map(_shown, plan.messages)]
        case (
            StopResponse(response_id=response_id)
            | ReleaseGuess(response_id=response_id)
            | DropGuess(response_id=response_id)
            | ClearPlayback(response_id=response_id)
        ):
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


def check(
    step: Step, came: Sequence[Frame | Effect], names: Names, read: Callable[[Frame], None]
) -> None:
    """Compare what came of a step with what the golden file says.

    Args:
        step: What was done, and what is expected of it.
        came: Frames and effects, in order.
        names: What the file calls the ids.
        read: Checks each frame further.
    """
    expected = step.expected
    if step.done is None and not expected:
        expected = [Line("<", "session.created", "", 0)]
    said = f"after {step.done}" if step.done else "at the start"
    assert [head(entry) for entry in came] == [f"{e.mark} {e.head}" for e in expected], said
    for entry, line in zip(came, expected, strict=True):
        if isinstance(entry, dict):
            read(entry)
            names.match(line.fields, entry, line.head)
        else:
            names.match(line.words, details(entry), line.head)
