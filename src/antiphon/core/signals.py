"""What the runtime tells the core: what was heard, thought and spoken since.

A signal that names a response or an item which is no longer waiting for it is dropped and counted
by the session. Identity is the only staleness check there is.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from antiphon.errors import RequestError, Stage
from antiphon.wire.items import McpError, McpListedTool
from antiphon.wire.transcription_events import LogProb

__all__ = [
    "AudioAppended",
    "AudioGenerated",
    "ConnectionOver",
    "Failure",
    "FrameRefused",
    "GenerationFailed",
    "GenerationFinished",
    "McpCallFinished",
    "McpListingFailed",
    "McpToolsListed",
    "MessageEndPredicted",
    "PlaybackAdvanced",
    "PromptMeasured",
    "SegmentSpoken",
    "Signal",
    "SpeakerTurnHeard",
    "SpeechProbability",
    "TextGenerated",
    "ToolCallGenerated",
    "TranscriptExtended",
    "TranscriptFailed",
    "TranscriptFinished",
    "TurnEndPredicted",
]


class Failure(Struct, frozen=True):
    """Why an engine gave up, as clients may read it.

    Attributes:
        stage: What it was doing.
        code: A snake_case reason.
        message: What happened and what to do.
        type: The error class of the hosted API.
    """

    stage: Stage
    code: str
    message: str
    type: str = "server_error"


class FrameRefused(Struct, frozen=True):
    """A frame from the client could not be understood, or its audio not be taken.

    Attributes:
        error: What the client is told.
    """

    error: RequestError


class ConnectionOver(Struct, frozen=True):
    """Nothing reaches the client any more. What it still waits for ends, and the session."""


class AudioAppended(Struct, frozen=True):
    """More input audio is in the ring.

    Attributes:
        end: Position after the last sample appended so far, on the input audio clock.
    """

    end: int


class SpeechProbability(Struct, frozen=True):
    """The voice detector judged one more frame.

    Attributes:
        start: Position of the frame's first sample on the input audio clock.
        end: Position after its last sample.
        probability: How probably someone speaks in it, 0 to 1.
        level_dbfs: How loud it is: its mean square, of full scale. ``None`` if it is not known.
    """

    start: int
    end: int
    probability: float
    level_dbfs: float | None = None


class TranscriptExtended(Struct, frozen=True):
    """More words of a user's audio item.

    Attributes:
        item_id: The item being transcribed.
        text: Text to append.
        logprobs: Its tokens, if they were asked for.
    """

    item_id: str
    text: str
    logprobs: tuple[LogProb, ...] = ()


class SpeakerTurnHeard(Struct, frozen=True):
    """What one of several speakers said in a user's audio item.

    Attributes:
        item_id: The item being transcribed.
        speaker: Label of the speaker.
        start_s: Where it begins, in seconds of the item.
        end_s: Where it ends.
        text: What was said.
    """

    item_id: str
    speaker: str
    start_s: float
    end_s: float
    text: str


class TranscriptFinished(Struct, frozen=True):
    """All words of a user's audio item.

    Attributes:
        item_id: The item that was transcribed.
        text: The whole transcript; ``""`` if no words were recognized.
        languages: ISO-639-1 codes of the languages that were heard; empty if nobody looked.
        logprobs: All of its tokens, if they were asked for.
    """

    item_id: str
    text: str
    languages: tuple[str, ...] = ()
    logprobs: tuple[LogProb, ...] = ()


class TranscriptFailed(Struct, frozen=True):
    """A user's audio item could not be transcribed.

    Attributes:
        item_id: The item.
        failure: Why.
    """

    item_id: str
    failure: Failure


class TurnEndPredicted(Struct, frozen=True):
    """How a pause sounds.

    Attributes:
        pause_id: The pause.
        probability: How probably the turn is over, 0 to 1.
    """

    pause_id: str
    probability: float


class MessageEndPredicted(Struct, frozen=True):
    """What the words before a pause say about it.

    Attributes:
        pause_id: The pause.
        probability: How probably a message of these words ends here, 0 to 1; ``None`` if that
            could not be found out.
    """

    pause_id: str
    probability: float | None


class PromptMeasured(Struct, frozen=True):
    """The language model has read the context of a response.

    Attributes:
        response_id: The response.
        input_tokens: Tokens read, by the model's tokenizer.
        cached_tokens: How many of them came from its prefix cache.
        image_tokens: How many of them are images.
    """

    response_id: str
    input_tokens: int
    cached_tokens: int
    image_tokens: int = 0


class TextGenerated(Struct, frozen=True):
    """More words of an answer, written or about to be spoken.

    Attributes:
        response_id: The response.
        text: Text to append.
        tokens: Tokens it took, by the model's tokenizer.
    """

    response_id: str
    text: str
    tokens: int


class AudioGenerated(Struct, frozen=True):
    """More of an answer's speech.

    Attributes:
        response_id: The response.
        pcm: The samples in the client's format; opaque to the core.
        duration_ms: How long they sound.
    """

    response_id: str
    pcm: bytes
    duration_ms: float


class SegmentSpoken(Struct, frozen=True):
    """The audio so far speaks the text up to here; a place where words and sound are aligned.

    Attributes:
        response_id: The response.
        spoken_chars: How much of the answer's text has been spoken.
    """

    response_id: str
    spoken_chars: int


class ToolCallGenerated(Struct, frozen=True):
    """More of a function call. The first signal of an index starts the call.

    Calls come one after the other: the first signal of the next index ends the one before.

    Attributes:
        response_id: The response.
        index: Which call of the response, from 0.
        name: The function's name, in the first signal of an index.
        arguments: JSON text to append to the arguments.
        tokens: Tokens it took, by the model's tokenizer.
    """

    response_id: str
    index: int
    name: str
    arguments: str
    tokens: int


class GenerationFinished(Struct, frozen=True):
    """Everything of a response has been generated and, if it is spoken, synthesized.

    Attributes:
        response_id: The response.
        reason: Why it ended: the model was done, hit the token limit, or was filtered.
        output_tokens: Text tokens generated in all, by the model's tokenizer.
    """

    response_id: str
    reason: Literal["stop", "length", "content_filter"]
    output_tokens: int


class GenerationFailed(Struct, frozen=True):
    """An engine failed while working on a response.

    Attributes:
        response_id: The response.
        failure: Why.
    """

    response_id: str
    failure: Failure


class PlaybackAdvanced(Struct, frozen=True):
    """A transport that plays has played more of an answer.

    Attributes:
        response_id: The response.
        item_id: The item whose audio it is.
        played_ms: How much of the item's audio has been played so far, in milliseconds.
    """

    response_id: str
    item_id: str
    played_ms: float


class McpToolsListed(Struct, frozen=True):
    """An MCP server has named its tools.

    Attributes:
        item_id: The ``mcp_list_tools`` item that waits for them.
        tools: All its tools.
    """

    item_id: str
    tools: tuple[McpListedTool, ...]


class McpListingFailed(Struct, frozen=True):
    """An MCP server has not named its tools; why has been logged.

    Attributes:
        item_id: The ``mcp_list_tools`` item that waits for them.
    """

    item_id: str


class McpCallFinished(Struct, frozen=True):
    """A call of an MCP tool has ended.

    Attributes:
        item_id: The ``mcp_call`` item.
        result: What the tool returned, as text, or why there is nothing.
    """

    item_id: str
    result: str | McpError


Signal = (
    FrameRefused
    | ConnectionOver
    | AudioAppended
    | SpeechProbability
    | TranscriptExtended
    | SpeakerTurnHeard
    | TranscriptFinished
    | TranscriptFailed
    | TurnEndPredicted
    | MessageEndPredicted
    | PromptMeasured
    | TextGenerated
    | AudioGenerated
    | SegmentSpoken
    | ToolCallGenerated
    | GenerationFinished
    | GenerationFailed
    | PlaybackAdvanced
    | McpToolsListed
    | McpListingFailed
    | McpCallFinished
)
