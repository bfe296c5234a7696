"""What the core asks the runtime to do, in this order.

Effects are requests without answers: what comes of them returns as signals.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from antiphon.core.clock import Span
from antiphon.core.mcp.policy import McpServer
from antiphon.core.plan import ChatMessage, Plan
from antiphon.wire.audio_config import AudioTranscription
from antiphon.wire.items import Item
from antiphon.wire.response import RealtimeResponse
from antiphon.wire.server_events import ConversationItemRetrieved, ServerEvent
from antiphon.wire.session import FunctionTool
from antiphon.wire.translation import TranslationServerEvent

__all__ = [
    "AnswerEffect",
    "CallMcpTool",
    "ClearPlayback",
    "CloseConnection",
    "DropAudio",
    "DropGuess",
    "Effect",
    "EndInput",
    "ForgetItem",
    "ForgetMcpServer",
    "GuessResponse",
    "HearingEffect",
    "KeepItem",
    "KeepRecording",
    "KeepResponse",
    "ListMcpTools",
    "NeedTranscript",
    "PredictMessageEnd",
    "PredictTurnEnd",
    "ReleaseGuess",
    "SendAudio",
    "SendEvent",
    "SendRetrieved",
    "StartResponse",
    "StopResponse",
    "StopTranscribing",
    "Transcribe",
    "WarmPrompt",
]


class SendEvent(Struct, frozen=True):
    """Send an event to the client.

    Attributes:
        event: The event, complete.
    """

    event: ServerEvent | TranslationServerEvent


class SendAudio(Struct, frozen=True):
    """Send audio of an answer: as an event, or as packets where the transport has a media track.

    Attributes:
        event_id: Id for the event, where it becomes one.
        response_id: The response it belongs to.
        item_id: The message item it belongs to.
        output_index: The item's place in the response.
        content_index: The audio part's place in the item.
        pcm: Samples in the session's output format.
    """

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    pcm: bytes


class ClearPlayback(Struct, frozen=True):
    """Play nothing more of a response, neither what waits to be played nor what is yet to come.

    Attributes:
        response_id: The response.
    """

    response_id: str


class SendRetrieved(Struct, frozen=True):
    """Send an item that the client asked for, with as much of its audio as is kept.

    Attributes:
        event: The event; its item has no audio yet.
        heard_ms: How much of a spoken answer was heard; ``None`` for all of it.
    """

    event: ConversationItemRetrieved
    heard_ms: float | None


class ForgetItem(Struct, frozen=True):
    """An item has been deleted; its audio is not needed any more.

    Attributes:
        item_id: The item.
    """

    item_id: str


class Transcribe(Struct, frozen=True):
    """Find out the words of a user's audio.

    Attributes:
        item_id: The item that will carry the words; of a guess, an id of its own.
        source: A span of the input, or audio that the client sent as part of an item, in the
            session's input format.
        hints: What the client says about the audio and how to transcribe it; ``None`` if nothing.
        logprobs: Whether the client wants to know how sure the transcriber is of each token.
        is_guess: Whether the turn may not be over yet, so that nobody may need the words.
    """

    item_id: str
    source: Span | bytes
    hints: AudioTranscription | None
    logprobs: bool = False
    is_guess: bool = False


class NeedTranscript(Struct, frozen=True):
    """The words of a guess are needed: the turn was over indeed.

    Attributes:
        item_id: The id under which they are found out.
    """

    item_id: str


class StopTranscribing(Struct, frozen=True):
    """The words of a guess are not needed: the speaker goes on.

    Attributes:
        item_id: The id under which they were to be found out.
    """

    item_id: str


class PredictTurnEnd(Struct, frozen=True):
    """Find out by the sound of it whether the turn is over.

    Attributes:
        pause_id: The pause in which it may be.
        source: The turn's audio, the beginning of the pause included.
    """

    pause_id: str
    source: Span


class PredictMessageEnd(Struct, frozen=True):
    """Find out by the words whether the turn is over.

    Attributes:
        pause_id: The pause in which it may be.
        plan: What the response would run with; its last message is the turn so far.
    """

    pause_id: str
    plan: Plan


class KeepRecording(Struct, frozen=True):
    """A user's audio has become part of an item, and may be asked for.

    Attributes:
        item_id: The item.
        source: A span of the input, or audio that the client sent as part of the item.
    """

    item_id: str
    source: Span | bytes


class StartResponse(Struct, frozen=True):
    """Work out and speak an answer.

    Attributes:
        plan: All there is to know about it.
    """

    plan: Plan


class GuessResponse(Struct, frozen=True):
    """Work out an answer that may not be wanted, and hold back whatever comes of it.

    Attributes:
        plan: All there is to know about it.
    """

    plan: Plan


class ReleaseGuess(Struct, frozen=True):
    """An answer that was held back is wanted, just as it was planned.

    Attributes:
        response_id: The response.
    """

    response_id: str


class DropGuess(Struct, frozen=True):
    """An answer that was held back is not wanted. A response of that id may yet start afresh.

    Attributes:
        response_id: What would have been its response.
    """

    response_id: str


class StopResponse(Struct, frozen=True):
    """Stop working on an answer; whatever it still yields will be dropped.

    Attributes:
        response_id: The response.
    """

    response_id: str


class WarmPrompt(Struct, frozen=True):
    """The next response's context begins like this: read it ahead, if nothing else is to be done.

    Attributes:
        instructions: What the model is told to be.
        messages: The conversation so far.
        tools: Functions on offer.
    """

    instructions: str
    messages: tuple[ChatMessage, ...]
    tools: tuple[FunctionTool, ...]


class DropAudio(Struct, frozen=True):
    """Input audio before this position will not be needed again.

    Attributes:
        before: Position on the input audio clock.
    """

    before: int


class EndInput(Struct, frozen=True):
    """No more audio is to be taken; what was appended is to be judged to its end."""


class KeepResponse(Struct, frozen=True):
    """A response has ended; this is its final form.

    Attributes:
        response: As sent in ``response.done``.
        own_input: What it answered in the place of the conversation, without audio and images;
            ``None`` if it answered that.
    """

    response: RealtimeResponse
    own_input: tuple[Item, ...] | None = None


class KeepItem(Struct, frozen=True):
    """An item has changed, and the client is not told all of it.

    The words of a user's audio are told only to clients that ask for them, and what a truncated
    answer still says to none.

    Attributes:
        item: As it is now, without audio and images.
    """

    item: Item


class ListMcpTools(Struct, frozen=True):
    """Ask an MCP server for its tools.

    Attributes:
        item_id: The ``mcp_list_tools`` item that is to show them.
        server: Whom to ask.
    """

    item_id: str
    server: McpServer


class CallMcpTool(Struct, frozen=True):
    """Call an MCP server's tool, once.

    Attributes:
        item_id: The ``mcp_call`` item that is to show what comes of it.
        server: Whose tool it is.
        name: What the server calls the tool.
        arguments: The arguments, decoded.
    """

    item_id: str
    server: McpServer
    name: str
    arguments: dict[str, Any]


class ForgetMcpServer(Struct, frozen=True):
    """An MCP server is not needed any more, once the calls to it that are under way have ended.

    Attributes:
        server: The server.
    """

    server: McpServer


class CloseConnection(Struct, frozen=True):
    """Close the connection once everything before has been sent.

    Attributes:
        code: WebSocket close code.
        reason: Text for people.
    """

    code: int
    reason: str


HearingEffect = (
    Transcribe
    | NeedTranscript
    | StopTranscribing
    | PredictTurnEnd
    | KeepRecording
    | DropAudio
    | EndInput
)
"""What becomes of the user's audio."""

AnswerEffect = (
    StartResponse
    | PredictMessageEnd
    | GuessResponse
    | ReleaseGuess
    | DropGuess
    | StopResponse
    | WarmPrompt
    | KeepResponse
    | ListMcpTools
    | CallMcpTool
    | ForgetMcpServer
)
"""Working out answers, and what they call."""

Effect = (
    SendEvent
    | SendAudio
    | ClearPlayback
    | SendRetrieved
    | ForgetItem
    | KeepItem
    | CloseConnection
    | HearingEffect
    | AnswerEffect
)
