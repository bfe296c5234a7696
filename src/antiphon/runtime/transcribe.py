"""Finds out the words of one utterance, and tells the core as they come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from anyio.abc import TaskGroup

from antiphon.core.abilities import primary_language
from antiphon.core.effects import Transcribe
from antiphon.core.signals import (
    Signal,
    SpeakerTurnHeard,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.engines.base import Floats
from antiphon.engines.hearing import (
    SpeakerTurn,
    Transcriber,
    Transcript,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.errors import EngineError
from antiphon.runtime.held import HeldSignals
from antiphon.runtime.respond import failure_of
from antiphon.runtime.spare import Spare
from antiphon.runtime.work import Work

__all__ = ["Transcriptions", "transcribe", "transcription_request"]

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Guess:
    """Words that are being found out ahead, and what stands between them and the core."""

    held: HeldSignals
    work: Work


class Transcriptions:
    """The utterances of one session whose words are being found out, at once or ahead.

    Args:
        transcriber: Who does it.
        spare: Counts the work, beside that of all other sessions.
        tasks: Runs it.
        feed: Takes what comes of it.
    """

    def __init__(
        self,
        *,
        transcriber: Transcriber,
        spare: Spare,
        tasks: TaskGroup,
        feed: Callable[[Signal], None],
    ) -> None:
        self._transcriber = transcriber
        self._spare = spare
        self._tasks = tasks
        self._feed = feed
        self._guesses: dict[str, _Guess] = {}
        self._released: list[HeldSignals] = []

    def begin(self, effect: Transcribe, audio: Floats) -> None:
        """Find out the words; of a guess, as far as there is room for it.

        Args:
            effect: What the core asks for.
            audio: Shape (n,), float32 at 16 kHz.
        """
        held = HeldSignals(self._feed, _always_room)

        async def find_out(work: Work) -> None:
            held.reset()
            if work.needed:
                held.release()
            await transcribe(effect, audio, self._transcriber, held.feed)

        def tell() -> None:
            self._guesses.pop(effect.item_id, None)
            held.release()

        needed = not effect.is_guess
        work = Work(find_out, spare=self._spare, tasks=self._tasks, needed=needed, done=tell)
        if effect.is_guess:
            self._guesses[effect.item_id] = _Guess(held, work)
        work.begin()

    def need(self, item_id: str) -> None:
        """Note that the words of a guess are needed; they go out with :meth:`deliver`."""
        guess = self._guesses[item_id]
        if guess.work.will_be_done:
            self._released.append(guess.held)
        guess.work.need()

    def deliver(self) -> None:
        """Pass on what was heard by now: after everything that led to it has been performed."""
        released, self._released = self._released, []
        for held in released:
            held.release()

    def stop(self, item_id: str) -> None:
        """Stop finding out the words of a guess."""
        self._guesses.pop(item_id).work.stop()

    def stop_all(self) -> None:
        """Stop all guesses: the session ends, and takes nothing of what waits for room."""
        for guess in self._guesses.values():
            guess.work.stop()


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


async def _always_room() -> None:
    """Words are few."""


def _signal(item_id: str, event: TranscriptEvent) -> Signal:
    match event:
        case TranscriptDelta(text=text, logprobs=logprobs):
            return TranscriptExtended(item_id, text, logprobs)
        case SpeakerTurn():
            return SpeakerTurnHeard(item_id, event.speaker, event.start_s, event.end_s, event.text)
        case Transcript(text=text, languages=languages, logprobs=logprobs):
            return TranscriptFinished(item_id, text, languages, logprobs)
