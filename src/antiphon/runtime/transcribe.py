"""Finds out the words of one utterance, and tells the core as they come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import aclosing

from antiphon.core.abilities import primary_language
from antiphon.core.effects import Transcribe
from antiphon.core.signals import (
    Signal,
    SpeakerTurnHeard,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.engines.base import (
    Floats,
    SpeakerTurn,
    Transcriber,
    Transcript,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.errors import EngineError
from antiphon.runtime.respond import failure_of

__all__ = ["transcribe", "transcription_request"]

_log = logging.getLogger(__name__)


async def transcribe(
    effect: Transcribe, audio: Floats, transcriber: Transcriber, feed: Callable[[Signal], None]
) -> None:
    """Transcribe, and end with exactly one of finished and failed.

    Args:
        effect: What the core asks for.
        audio: Shape (n,), float32 at 16 kHz.
        transcriber: Who does it.
        feed: Takes what comes of it.
    """
    try:
        async with aclosing(transcriber.transcribe(audio, transcription_request(effect))) as events:
            async for event in events:
                feed(_signal(effect.item_id, event))
    except EngineError as error:
        _log.warning("%s: transcription failed: %s", effect.item_id, error)
        feed(TranscriptFailed(effect.item_id, failure_of(error)))


def transcription_request(effect: Transcribe) -> TranscriptionRequest:
    """Return what an effect asks of the transcriber."""
    hints = effect.hints
    if hints is None:
        return TranscriptionRequest(logprobs=effect.logprobs)
    return TranscriptionRequest(
        language=primary_language(hints.language) if hints.language else None,
        languages=tuple(map(primary_language, hints.languages or ())),
        prompt=hints.prompt,
        keywords=hints.keywords or (),
        delay=hints.delay or None,
        model=hints.model,
        logprobs=effect.logprobs,
    )


def _signal(item_id: str, event: TranscriptEvent) -> Signal:
    match event:
        case TranscriptDelta(text=text, logprobs=logprobs):
            return TranscriptExtended(item_id, text, logprobs)
        case SpeakerTurn():
            return SpeakerTurnHeard(item_id, event.speaker, event.start_s, event.end_s, event.text)
        case Transcript(text=text, languages=languages, logprobs=logprobs):
            return TranscriptFinished(item_id, text, languages, logprobs)
