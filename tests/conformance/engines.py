"""What the engines do in golden files, as signals."""

from collections.abc import Iterator

from antiphon.core.signals import (
    AudioGenerated,
    Failure,
    GenerationFailed,
    GenerationFinished,
    McpCallFinished,
    McpListingFailed,
    McpToolsListed,
    PlaybackAdvanced,
    PromptMeasured,
    SegmentSpoken,
    Signal,
    SpeakerTurnHeard,
    TextGenerated,
    ToolCallGenerated,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.wire.items import McpListedTool, McpToolExecutionError
from antiphon.wire.transcription_events import LogProb

__all__ = ["signals"]


def signals(verb: str, words: list[str]) -> Iterator[Signal]:
    """Yield what a ``!`` line of the engines means.

    Args:
        verb: What they do.
        words: To which item or response, and with what.

    Raises:
        ValueError: Engines do no such thing.
    """
    if verb in {"hearing", "speaker", "heard", "misheard"}:
        return _transcription(verb, words)
    if verb == "played":
        return _playback(words)
    if verb in {"tools", "no_tools", "returns", "breaks"}:
        return _mcp(verb, words)
    return _generation(verb, words)


def _transcription(verb: str, words: list[str]) -> Iterator[Signal]:
    match verb, words:
        case "hearing", [item_id, text]:
            yield TranscriptExtended(item_id, text, _tokens(text))
        case "speaker", [item_id, speaker, start_s, end_s, text]:
            yield SpeakerTurnHeard(item_id, speaker, float(start_s), float(end_s), text)
        case "heard", [item_id, text, *languages]:
            yield TranscriptFinished(item_id, text, tuple(languages), _tokens(text))
        case "misheard", [item_id]:
            failure = Failure("transcribe", "audio_unintelligible", "Nothing to be understood.")
            yield TranscriptFailed(item_id, failure)
        case _:
            raise ValueError(verb, words)


def _mcp(verb: str, words: list[str]) -> Iterator[Signal]:
    match verb, words:
        case "tools", [item_id, *names]:
            schema = {"type": "object"}
            tools = (McpListedTool(name=one, input_schema=schema, description="") for one in names)
            yield McpToolsListed(item_id, tuple(tools))
        case "no_tools", [item_id]:
            yield McpListingFailed(item_id)
        case "returns", [item_id, output]:
            yield McpCallFinished(item_id, output)
        case "breaks", [item_id, message]:
            yield McpCallFinished(item_id, McpToolExecutionError(message=message))
        case _:
            raise ValueError(verb, words)


def _playback(words: list[str]) -> Iterator[Signal]:
    response_id, item_id, played_ms = words
    yield PlaybackAdvanced(response_id, item_id, float(played_ms))


def _tokens(text: str) -> tuple[LogProb, ...]:
    """The text as a single token. It is up to the session whether the client gets it."""
    return (LogProb(token=text, logprob=-0.5, bytes=tuple(text.encode())),)


def _generation(verb: str, words: list[str]) -> Iterator[Signal]:
    match verb, words:
        case "prompt", [response_id, tokens]:
            yield PromptMeasured(response_id, int(tokens), 0)
        case "text", [response_id, *texts]:
            for text in texts:
                yield TextGenerated(response_id, text, 1)
        case "audio", [response_id, duration_ms]:
            yield AudioGenerated(response_id, bytes(48 * int(duration_ms)), int(duration_ms))
        case "spoken", [response_id, chars]:
            yield SegmentSpoken(response_id, int(chars))
        case "call", [response_id, index, name, *pieces]:
            for piece in pieces:
                yield ToolCallGenerated(response_id, int(index), name, piece, 1)
        case "finish", [response_id, ("stop" | "length" | "content_filter") as reason]:
            yield GenerationFinished(response_id, reason, 3)
        case "fail", [response_id]:
            failure = Failure("generate", "model_not_found", "There is no such model.")
            yield GenerationFailed(response_id, failure)
        case _:
            raise ValueError(verb, words)
