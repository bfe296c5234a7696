"""Notes the moments of a session's turns as signals and events go by."""

from __future__ import annotations

from antiphon.core.signals import Signal, SpeechProbability, TranscriptFinished
from antiphon.observe import Moment, Timeline, TimelineLog

__all__ = ["TurnTiming"]

_WORK = (
    Moment.STARTED,
    Moment.PROMPT_READ,
    Moment.FIRST_TOKEN,
    Moment.FIRST_SEGMENT,
    Moment.FIRST_AUDIO,
)
_SPEECH = 0.5  # for the timeline only; the session's own threshold decides about turns


class TurnTiming:
    """Timelines of one session.

    What was heard before a response exists is kept until it does: a turn's moments belong to the
    response that answers it.
    """

    def __init__(self, log: TimelineLog) -> None:
        self._log = log
        self._turn: dict[Moment, float] = {}
        self._open: dict[str, Timeline] = {}
        self._ahead: dict[str, dict[Moment, float]] = {}

    def hear(self, signal: Signal, now: float) -> None:
        """Note what a signal says about the turn."""
        match signal:
            case SpeechProbability(probability=probability) if probability >= _SPEECH:
                self._turn = {Moment.SPEECH_ENDED: now}
            case TranscriptFinished():
                self.transcribe(now)

    def transcribe(self, now: float) -> None:
        """Note that the words of a turn are known."""
        self._turn.setdefault(Moment.TRANSCRIBED, now)
        for timeline in self._open.values():
            timeline.mark(Moment.TRANSCRIBED, now)

    def end_turn(self, now: float) -> None:
        """Note that the turn is over."""
        self._turn[Moment.TURN_ENDED] = now

    def create(self, response_id: str, now: float) -> None:
        """Begin the timeline of a response with the moments of the turn it answers."""
        timeline = self._open[response_id] = self._log.open(response_id)
        if Moment.TURN_ENDED in self._turn:
            for moment, at_s in self._turn.items():
                timeline.mark(moment, at_s)
            self._turn.clear()
        timeline.mark(Moment.CREATED, now)
        for moment, at_s in self._ahead.pop(response_id, {}).items():
            timeline.mark(moment, at_s)

    def begin_ahead(self, response_id: str, now: float) -> None:
        """Keep the moments of a response that may come into being."""
        self._ahead[response_id] = {Moment.GUESSED: now}

    def forget_ahead(self, response_id: str, now: float) -> None:
        """Forget what was worked out ahead of a response: it is not used."""
        self._ahead.pop(response_id, None)
        if response_id in self._open:
            self._open[response_id].forget(_WORK)
            self._open[response_id].mark(Moment.GUESS_DROPPED, now)

    def mark(self, response_id: str, moment: Moment, now: float) -> None:
        """Note a moment of a response that has not ended, or may come into being."""
        if response_id in self._open:
            self._open[response_id].mark(moment, now)
        elif response_id in self._ahead:
            self._ahead[response_id].setdefault(moment, now)

    def end(self, response_id: str, now: float) -> Timeline:
        """End the timeline of a response, and return it."""
        timeline = self._open.pop(response_id)
        timeline.mark(Moment.ENDED, now)
        return timeline
