"""Replays observed turns through the real turn detector, with one policy for waiting or another.

The engines' answers are given to the detector when a server would have them, some time after the
pause was noticed, and nothing sooner.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antiphon.core.clock import SAMPLES_PER_MS
from antiphon.core.turn_end import Evidence
from antiphon.core.turns import SpeechPaused, SpeechStopped, TurnDetector
from antiphon.wire.audio_config import TurnDetection
from bench.turn_evidence import Observed, Pause, frames_of
from bench.turn_set import Turn

__all__ = ["Outcome", "Policy", "Signals", "delay_ms", "replay"]

PREDICTION_MS = 50
"""From the notice of a pause until the turn predictor has judged it, on two cores."""

TRANSCRIPT_MS = 80
"""Until the words are there; for turns of a few seconds."""

READING_MS = 80
"""From the words until the language model has read them, and says whether the message ends."""


@dataclass(frozen=True)
class Signals:
    """Which engines are asked.

    Attributes:
        predictor: The turn predictor.
        words: The transcriber.
        language_model: The language model, once the words are there.
    """

    predictor: bool = False
    words: bool = False
    language_model: bool = False

    def arrivals(self, pause: Pause) -> list[tuple[int, Evidence]]:
        """Return what is known of a pause and from which position on, in order."""
        finished = pause.finished if self.predictor else None
        transcript = pause.transcript if self.words else None
        message_ends = pause.message_ends if self.language_model else None
        known = []
        if self.predictor:
            known.append((PREDICTION_MS, Evidence(finished=finished)))
        if self.words:
            known.append((TRANSCRIPT_MS, Evidence(finished=finished, transcript=transcript)))
        if self.language_model:
            everything = Evidence(
                finished=finished, transcript=transcript, message_ends=message_ends
            )
            known.append((TRANSCRIPT_MS + READING_MS, everything))
        return [(pause.at + ms * SAMPLES_PER_MS, evidence) for ms, evidence in known]


@dataclass(frozen=True)
class Policy:
    """A way to decide when turns end.

    Attributes:
        settings: Of the detector.
        signals: Which engines are asked.
        wait_ms: How much silence ends the turn, by the evidence; not asked without signals.
    """

    settings: TurnDetection
    signals: Signals = Signals()
    wait_ms: Callable[[Evidence], float] = lambda _: 0.0


@dataclass(frozen=True)
class Outcome:
    """What a policy made of a set of turns.

    Attributes:
        delays_ms: Of each turn, from its last audible sample to the decision, shape (n,); not a
            number where it was ended before its end.
    """

    delays_ms: NDArray[np.float64]

    @property
    def cut_off(self) -> float:
        """Share of the turns that were ended before their end."""
        return float(np.isnan(self.delays_ms).mean())

    @property
    def mean_ms(self) -> float:
        """Mean delay of the others."""
        return float(np.nanmean(self.delays_ms))

    def redrawn(self, counts: NDArray[np.int64]) -> Outcome:
        """Return what it were if each turn was there ``counts`` times, shape (n,)."""
        return Outcome(np.repeat(self.delays_ms, counts))


def replay(turns: Sequence[Turn], observed: Sequence[Observed], policy: Policy) -> Outcome:
    """Decide when each turn ends."""
    delays = [delay_ms(turn, seen, policy) for turn, seen in zip(turns, observed, strict=True)]
    return Outcome(np.array(delays))


def delay_ms(turn: Turn, observed: Observed, policy: Policy) -> float:
    """Return how long after its end a turn was ended; not a number if before."""
    detector = TurnDetector(policy.settings)
    pauses = {pause.at: pause for pause in observed.pauses}
    pause: Pause | None = None
    arriving: list[tuple[int, Evidence]] = []
    for start, end, probability in frames_of(observed):
        while arriving and arriving[0][0] <= end:
            detector.expect(policy.wait_ms(arriving.pop(0)[1]))
        match detector.step(start, end, probability):
            case SpeechPaused(position):
                pause = pauses[position]
                arriving = policy.signals.arrivals(pause)
            case SpeechStopped(position):
                assert pause is not None
                return (position - turn.end) / SAMPLES_PER_MS if pause.is_end else math.nan
    message = f"the turn {turn.name!r} was never ended"
    raise RuntimeError(message)
