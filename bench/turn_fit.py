"""Where the numbers of ``core/turn_end.py`` come from: the part of the set that is fitted on.

Cautions are chosen by turns whose text and whose voice the weights did not see: each turn is
decided on with weights of all turns that share neither with it::

    python -m bench.turn_fit

The exam, which ``bench/turns.py`` reports on, is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
import numpy as np
from numpy.typing import NDArray

from antiphon.core.turn_end import (
    Eagerness,
    Evidence,
    Weights,
    log_odds_of_end,
    signs,
    wait_ms,
)
from antiphon.wire.audio_config import SemanticVad, ServerVad
from bench.common import print_table
from bench.turn_chance import Redraws, numbered
from bench.turn_evidence import Observed, observe
from bench.turn_replay import Outcome, Policy, delay_ms, replay
from bench.turn_set import Part, Turn, turn_set
from bench.turns import ALLOWED, SILENCES_MS, WAYS, mean_ms_at

LIMITS: dict[Eagerness, float] = {"low": 0.03, "medium": 0.05, "high": 0.12}
"""Share of cut-offs that is not exceeded, 19 times out of 20, with other texts and other voices of
the same kind."""

NEWTON_STEPS = 12
"""By then nothing changes any more."""

CAUTIONS = tuple(np.arange(0.0, 6.01, 0.125))


@click.command()
def main() -> None:
    """Print the weights, and the cautions by eagerness."""
    turns = turn_set(Part.FIT)
    observed = observe(turns)
    pauses = _Pauses(turns, observed)
    for names, weights in pauses.weights(pauses.all).items():
        print(f"{names}: ({', '.join(f'{weight:.2f}' for weight in weights)})")
    silences = [
        replay(turns, observed, Policy(ServerVad(silence_duration_ms=silence_ms)))
        for silence_ms in SILENCES_MS
    ]
    sweep = dict(_sweep(turns, observed, pauses.strangers()))
    print(f"\nmean ms with {ALLOWED:.0%} cut off: {mean_ms_at(ALLOWED, sweep.values()):.0f}")
    print(f"by silence alone: {mean_ms_at(ALLOWED, silences):.0f}\n")
    rows: list[tuple[object, ...]] = []
    redraws = Redraws(turns)
    for eagerness, limit in LIMITS.items():
        for caution, out in sweep.items():
            if (most := redraws.most_cut_off(out)) <= limit:
                shares = (f"{out.cut_off:.1%}", f"{most:.1%}")
                rows.append((eagerness, f"{caution}", *shares, out.mean_ms))
                break
    print_table(("", "caution", "cut off", "at most", "mean ms"), rows)


class _Pauses:
    """What is weighed at the pauses of some turns.

    Attributes:
        all: Shape (pauses,), true throughout.
    """

    def __init__(self, turns: Sequence[Turn], observed: Sequence[Observed]) -> None:
        self._texts = numbered([turn.text for turn in turns])
        self._voices = numbered([turn.voice for turn in turns])
        pauses = [pause for seen in observed for pause in seen.pauses]
        self._turn_of = np.repeat(np.arange(len(turns)), [len(seen.pauses) for seen in observed])
        self._ends = np.array([float(pause.is_end) for pause in pauses])
        self._samples: dict[tuple[str, ...], NDArray[np.float64]] = {}
        for signals in WAYS.values():
            found = [signs(signals.arrivals(pause)[-1][1]) for pause in pauses]
            self._samples[tuple(found[0])] = np.array([[1.0, *one.values()] for one in found])
        self.all = np.ones(len(pauses), np.bool_)

    def weights(self, chosen: NDArray[np.bool_]) -> Weights:
        """Return those of greatest likelihood, for whatever may be known of a pause.

        Args:
            chosen: Which pauses are fitted on, shape (pauses,).
        """
        return {
            names: tuple(_logistic_regression(samples[chosen], self._ends[chosen]).tolist())
            for names, samples in self._samples.items()
        }

    def strangers(self) -> list[Weights]:
        """Return for each turn the weights by all turns with another text and another voice."""
        pairs = list(zip(self._texts.tolist(), self._voices.tolist(), strict=True))
        fitted: dict[tuple[int, int], Weights] = {}
        for text, voice in set(pairs):
            apart = (self._texts != text) & (self._voices != voice)
            fitted[text, voice] = self.weights(apart[self._turn_of])
        return [fitted[pair] for pair in pairs]


def _sweep(
    turns: Sequence[Turn], observed: Sequence[Observed], weights: Sequence[Weights]
) -> Iterator[tuple[float, Outcome]]:
    """Yield each caution, and what it comes to with all signals and each turn's own weights."""
    for caution in CAUTIONS:
        delays = [
            delay_ms(turn, seen, _policy(by, caution))
            for turn, seen, by in zip(turns, observed, weights, strict=True)
        ]
        yield caution, Outcome(np.array(delays))


def _policy(weights: Weights, caution: float) -> Policy:
    def wait(known: Evidence) -> float:
        log_odds = log_odds_of_end(known, weights)
        assert log_odds is not None
        return wait_ms(log_odds, caution)

    return Policy(SemanticVad(eagerness="medium"), WAYS["all three"], wait)


def _logistic_regression(
    samples: NDArray[np.float64], labels: NDArray[np.float64], ridge: float = 1.0
) -> NDArray[np.float64]:
    """Return the weights of greatest likelihood, drawn towards 0 a little, by Newton's method.

    Args:
        samples: Shape (n, m); the first column is 1.
        labels: Shape (n,), 0 or 1.
        ridge: Half of it times the square of each weight but the first is added to the loss.
    """
    penalty = ridge * np.eye(samples.shape[1])
    penalty[0, 0] = 0.0  # the constant is free
    weights = np.zeros(samples.shape[1])
    for _ in range(NEWTON_STEPS):
        probabilities = 1 / (1 + np.exp(-samples @ weights))
        gradient = samples.T @ (labels - probabilities) - penalty @ weights
        spread = (probabilities * (1 - probabilities))[:, np.newaxis]
        weights += np.linalg.solve(samples.T @ (samples * spread) + penalty, gradient)
    return weights


if __name__ == "__main__":
    main()
