"""How far figures of the set of turns may be off by the chance of its texts and voices.

Turns of one text are cut off together, and so are turns of one voice. Both are therefore redrawn,
independently, and a turn counts as often as its text times as often as its voice. Limits found in
this way are rather too wide than too narrow (Owen, "The pigeonhole bootstrap", Annals of Applied
Statistics 1 (2), 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.turn_replay import Outcome
from bench.turn_set import Turn

__all__ = ["Redraws", "numbered"]

REDRAWS = 4000
SEED = 20_261
CONFIDENCE = 0.95


class Redraws:
    """How often each turn counts, in each of many sets that might have been."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        draw = np.random.default_rng(SEED)
        texts = _redrawn(numbered([turn.text for turn in turns]), draw)
        voices = _redrawn(numbered([turn.voice for turn in turns]), draw)
        self._counts = texts * voices

    def most_cut_off(self, outcome: Outcome) -> float:
        """Return the share of cut-offs that is not exceeded 19 times out of 20."""
        shares = [outcome.redrawn(counts).cut_off for counts in self._counts]
        return float(np.quantile(shares, CONFIDENCE))

    def interval(
        self,
        figure: Callable[[Sequence[Outcome], Sequence[Outcome]], float],
        one: Sequence[Outcome],
        other: Sequence[Outcome],
    ) -> tuple[float, float]:
        """Return between what a figure that compares two curves lies 19 times out of 20."""
        figures = [
            figure([out.redrawn(counts) for out in one], [out.redrawn(counts) for out in other])
            for counts in self._counts
        ]
        tail = (1 - CONFIDENCE) / 2
        least, most = np.quantile(figures, (tail, 1 - tail))
        return float(least), float(most)


def numbered(names: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return a number for each name, from 0 on; equal names have equal numbers."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], np.intp)


def _redrawn(levels: NDArray[np.intp], draw: np.random.Generator) -> NDArray[np.int64]:
    """Return how often each turn's level of a factor was drawn: shape (redraws, turns)."""
    size = int(levels.max()) + 1
    counts: NDArray[np.int64] = draw.multinomial(size, np.full(size, 1 / size), size=REDRAWS)
    return counts[:, levels]
