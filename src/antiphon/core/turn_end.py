"""How much silence ends a turn, by what is known in a pause (``semantic_vad``).

Someone who falls silent has either finished or stopped to think. What tells one from the other is
how it sounded (a turn predictor) and what was said (the words so far); neither is reliable alone.
Here they are put together into the logarithm of the odds that the turn is over, by a logistic
regression, and the odds into a wait.

The wait follows from what waiting costs. If the turn is over, each millisecond is one that the
listener lets the speaker wait. If it is not over, the speaker is cut off unless they go on in time,
and the share of pauses that last longer than t falls about like exp(-t / TYPICAL_PAUSE_MS). With a
cut-off as bad as ``c`` milliseconds, and p the probability that the turn is over, p t + (1 - p) c
exp(-t / TYPICAL_PAUSE_MS) is least at::

    t = TYPICAL_PAUSE_MS * (caution - log(p / (1 - p)))        caution = log(c / TYPICAL_PAUSE_MS)

So the wait is linear in the log odds, and eagerness is nothing but another caution.

The word lists are English. The other signs hold for any language that ends its questions and
sentences with the usual marks; for others the predictor is all there is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from antiphon.core.turns import LONGEST_PAUSE_MS

__all__ = [
    "CAUTION",
    "SHORTEST_WAIT_MS",
    "TYPICAL_PAUSE_MS",
    "WEIGHTS",
    "Eagerness",
    "Evidence",
    "Weights",
    "log_odds_of_end",
    "signs",
    "silence_ms_needed",
    "wait_ms",
]

Eagerness = Literal["low", "medium", "high", "auto"]

Weights = Mapping[tuple[str, ...], Sequence[float]]
"""By the names of the signs that are known (:func:`signs`): the constant's weight, then theirs."""

TYPICAL_PAUSE_MS = 600.0
"""Time in which the share of pauses that go on falls to 37 %. Chosen on turns that the weights were
fitted on."""

SHORTEST_WAIT_MS = 250.0
"""However clear it seems: by then the words have been recognized and read, and most gaps between
words are over."""

CAUTION = {"low": 3.625, "medium": 3.375, "high": 2.125, "auto": 3.375}
"""By eagerness; see the formula above. The least, in eighths, by which all signals together cut
off no more than 3, 5 and 12 % of turns whose text and voice were left out of the fit, 19 times out
of 20 that texts and voices are redrawn (``python -m bench.turn_fit``)."""

_FURTHEST_LOG_ODDS = math.log(999.0)
"""Engines say 0 and 1 too lightly; what they say is held within 0.1 and 99.9 %."""

_UNDECIDED = math.log(0.1 / 0.9)
"""Where a turn predictor begins to mean something. When Smart Turn says less than 1 % the speaker
nearly always goes on; from 10 % upwards turns are over equally often, whatever it says."""

_HANGING = frozenset(
    re.findall(
        r"\S+",
        "a an the my your his her its our their "
        "and or but because so if that which who whose when where while whether than as although "
        "of for with from at by to in on into about between without after before until since "
        "i i'm i'd i'll i've we we're we'd he he's she she's they they're it's there's "
        "is are was were am be been would could should can will might must do does did "
        "very more most some any every um uh er erm hm hmm mm ah",
    )
)
"""Words with which a sentence rarely ends, hesitation itself included."""

_WORD = re.compile(r"[^\W_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}][^\W_]+)*")


class Evidence(Struct, frozen=True, kw_only=True):
    """What is known in a pause. Any of it may be missing, or come later than the rest.

    Attributes:
        finished: Probability that the speaker has finished, 0 to 1, by a turn predictor.
        transcript: What the turn's words are until now; ``""`` if none were recognized.
        message_ends: Probability that a message of these words ends with them, 0 to 1, by a
            language model; only beside a transcript. Its closing mark does not count as a word: the
            model is asked for what follows the last one, and full stops, question marks,
            exclamation marks, line breaks and the end of the message are added up.
    """

    finished: float | None = None
    transcript: str | None = None
    message_ends: float | None = None


def silence_ms_needed(evidence: Evidence, eagerness: Eagerness) -> float:
    """Return how much silence in all ends the turn, in milliseconds.

    It never rises with either probability. Without any evidence it is the longest wait of the
    eagerness: 8, 4 or 2 s.
    """
    longest_ms = LONGEST_PAUSE_MS[eagerness]
    odds = log_odds_of_end(evidence)
    return longest_ms if odds is None else min(wait_ms(odds, CAUTION[eagerness]), longest_ms)


def wait_ms(log_odds: float, caution: float) -> float:
    """Return the wait that costs least, at least :data:`SHORTEST_WAIT_MS`."""
    return max(SHORTEST_WAIT_MS, TYPICAL_PAUSE_MS * (caution - log_odds))


def log_odds_of_end(evidence: Evidence, by: Weights | None = None) -> float | None:
    """Return the natural logarithm of the odds that the turn is over; ``None`` without evidence.

    Args:
        evidence: What is known.
        by: The weights of its signs, :data:`WEIGHTS` unless given.
    """
    found = signs(evidence)
    if not found:
        return None
    constant, *weights = (by or WEIGHTS)[tuple(found)]
    return constant + sum(
        weight * value for weight, value in zip(weights, found.values(), strict=True)
    )


def signs(evidence: Evidence) -> dict[str, float]:
    """Return the numbers that are weighed, by name, of whatever there is evidence of."""
    found: dict[str, float] = {}
    if evidence.finished is not None:
        found["finished"] = min(0.0, _log_odds(evidence.finished) - _UNDECIDED)
    if evidence.transcript is not None:
        text = evidence.transcript.rstrip()
        words = _WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
        found["hanging"] = float(bool(words) and words[-1] in _HANGING)
        found["unmarked"] = float(not text.endswith((".", "?", "!", "\N{IDEOGRAPHIC FULL STOP}")))
        found["brief"] = 1.0 / (1 + len(words))
        if evidence.message_ends is not None:
            found["message_ends"] = _log_odds(evidence.message_ends)
    return found


def _log_odds(probability: float) -> float:
    log_odds = math.log(max(probability, 1e-9)) - math.log(max(1 - probability, 1e-9))
    return max(-_FURTHEST_LOG_ODDS, min(log_odds, _FURTHEST_LOG_ODDS))


WEIGHTS: Weights = {
    ("finished",): (0.63, 1.17),
    ("hanging", "unmarked", "brief"): (1.65, -3.03, -1.10, -3.87),
    ("finished", "hanging", "unmarked", "brief"): (1.82, 0.91, -2.70, -1.13, -3.97),
    ("hanging", "unmarked", "brief", "message_ends"): (2.66, -1.56, -1.14, -1.87, 0.69),
    ("finished", "hanging", "unmarked", "brief", "message_ends"): (
        *(2.78, 0.83, -1.19, -1.14, -2.00, 0.68),
    ),
}
"""Of the constant 1 and of each sign. ``python -m bench.turn_fit`` printed them, from the part of
the set that ``bench/turn_set.py`` builds to fit on."""
