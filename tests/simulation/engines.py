"""What engines tell the core: slowly, in pieces, wrongly or not at all."""

from collections.abc import Iterator

from antiphon.core.effects import Transcribe
from antiphon.core.plan import Plan
from antiphon.core.signals import (
    AudioGenerated,
    Failure,
    GenerationFailed,
    GenerationFinished,
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
from antiphon.wire.audio_config import PcmFormat
from antiphon.wire.transcription_events import LogProb
from tests.simulation.dice import Dice

__all__ = ["answer", "transcribe"]

MS_PER_CHAR = 8
"""How fast the assistant speaks: too fast for people, but simulated audio takes time as well."""

MAX_CHUNK_MS = 60

_HEARD = ("yes", "one two three", "")
_WORDS = ("Well,", "this", "is", "a", "story", "that", "has", "no", "end.", "Never.", "…", "2\n3")
_ARGUMENTS = ("", "{}", "{}", '{"q": "x"}', '{"q": "x"', "[]")
_FAILURE = Failure("generate", "server_error", "The model stopped answering. Try again.")


def transcribe(dice: Dice, effect: Transcribe) -> Iterator[Signal]:
    """Hear the words of an item."""
    one, text = effect.item_id, dice.choice(_HEARD)
    for word in text.split():
        tokens = _tokens(word) if effect.logprobs else ()
        yield TranscriptExtended(one, word, tokens)
        if dice.chance(0.05):
            yield TranscriptFailed(one, _FAILURE)
            return
    if text and dice.chance(0.1):
        yield SpeakerTurnHeard(one, "A", 0.0, 0.1, text)
    yield TranscriptFinished(one, text, (), _tokens(text) if effect.logprobs else ())


def answer(dice: Dice, plan: Plan) -> Iterator[Signal]:
    """Work out an answer."""
    one = plan.response_id
    ending = dice.choices(
        ["stop", "length", "content_filter", "failure", "failure at once"], [6, 1, 1, 1, 0.5]
    )[0]
    if ending == "failure at once":
        yield GenerationFailed(one, _FAILURE)
        return
    images = sum(len(message.images) for message in plan.messages)
    yield PromptMeasured(one, 10 * len(plan.messages) + images, dice.randrange(12), images)
    tokens = 0
    for signal in _content(dice, plan):
        tokens += isinstance(signal, TextGenerated | ToolCallGenerated)
        yield signal
        if ending == "failure" and dice.chance(0.1):
            break
    match ending:
        case "stop" | "length" | "content_filter":
            yield GenerationFinished(one, ending, tokens)
        case _:
            yield GenerationFailed(one, _FAILURE)


def _content(dice: Dice, plan: Plan) -> Iterator[Signal]:
    speaks = dice.chance(0.9)
    if speaks and plan.modality == "audio":
        yield from _speech(dice, plan)
    elif speaks:
        yield from (TextGenerated(plan.response_id, text, 1) for text in _words(dice))
    if plan.tools and plan.tool_policy != "none":
        for index in range(dice.randrange(3)):
            name = plan.forced_tool or dice.choice(plan.tools).name
            yield ToolCallGenerated(plan.response_id, index, name, "", 1)
            for piece in _pieces(dice, dice.choice(_ARGUMENTS)):
                yield ToolCallGenerated(plan.response_id, index, "", piece, 1)


def _pieces(dice: Dice, text: str) -> Iterator[str]:
    cut = dice.randrange(len(text) + 1)
    yield from (text[:cut], text[cut:])


def _words(dice: Dice) -> Iterator[str]:
    for _ in range(dice.randrange(8)):
        yield " " + dice.choice(_WORDS)
    if dice.chance(0.2):
        yield ""


def _speech(dice: Dice, plan: Plan) -> Iterator[Signal]:
    """Speak one segment after the other, each right after it has been written."""
    said = 0
    bytes_per_ms = 48 if isinstance(plan.output_format, PcmFormat) else 8
    for _ in range(dice.randrange(4)):
        segment = 0
        for word in _words(dice):
            segment += len(word)
            yield TextGenerated(plan.response_id, word, 1)
        left_ms = segment * MS_PER_CHAR
        while left_ms > 0:
            duration_ms = min(left_ms, dice.randint(1, MAX_CHUNK_MS))
            left_ms -= duration_ms
            pcm = bytes(duration_ms * bytes_per_ms)
            yield AudioGenerated(plan.response_id, pcm, duration_ms)
        said += segment
        yield SegmentSpoken(plan.response_id, said)


def _tokens(text: str) -> tuple[LogProb, ...]:
    """Return each word as a token that is rather sure."""
    words = text.split(" ") if text else []
    spaced = [*words[:1], *(f" {word}" for word in words[1:])]
    return tuple(LogProb(token=one, logprob=-0.1, bytes=tuple(one.encode())) for one in spaced)
