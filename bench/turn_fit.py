"""Where the numbers of ``core/turn_end.py`` come from: the half of the set that is fitted on.

Cautions are chosen by turns whose text the weights did not see: each text is decided on with
weights of all the others::

    python -m bench.turn_fit

The other half, which ``bench/turns.py`` reports on, is not looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

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
from antiphon.wire.audio_config import SemanticVad
from bench.common import print_table
from bench.turn_evidence import Observed, observe
from bench.turn_replay import Outcome, Policy, replay
from bench.turn_set import Half, Turn, turn_set
from bench.turns import WAYS

ALLOWED: dict[Eagerness, float] = {"low": 0.03, "medium": 0.05, "high": 0.08}
"""Share of cut-offs that cautions are chosen for: as many as with other texts of the same kind, 19
times out of 20, are not exceeded. Turns of one text are cut off together, so texts are redrawn."""

CONFIDENCE = 0.95
REDRAWS = 4000
SEED = 20_261

CAUTIONS = tuple(np.arange(0.0, 5.01, 0.125))

Seen = Sequence[tuple[Turn, Observed]]


@click.command()
def main() -> None:
    """Print the weights, and the cautions by eagerness."""
    turns = [turn for turn in turn_set() if turn.half is Half.FIT]
    seen = list(zip(turns, observe(turns), strict=True))
    for names, weights in fitted(seen).items():
        print(f"{names}: ({', '.join(f'{weight:.2f}' for weight in weights)})")
    folds = [(fold, fitted(rest)) for fold, rest in _folds(seen)]
    rows: list[tuple[object, ...]] = []
    sweep = list(_sweep(folds))
    for eagerness, allowed in ALLOWED.items():
        for caution, by_text in sweep:
            if (most := _upper_limit(by_text)) <= allowed:
                out = _pooled(by_text)
                rows.append(
                    (eagerness, f"{caution}", f"{out.cut_off:.1%}", f"{most:.1%}", out.mean_ms)
                )
                break
    print()
    print_table(("", "caution", "cut off", "at most", "mean ms"), rows)


def fitted(seen: Seen) -> Weights:
    """Return the weights of greatest likelihood, for whatever may be known of a pause."""
    weights: dict[tuple[str, ...], tuple[float, ...]] = {}
    pauses = list(itertools.chain.from_iterable(observed.pauses for _, observed in seen))
    ends = np.array([float(pause.is_end) for pause in pauses])
    for signals in WAYS.values():
        found = [signs(signals.arrivals(pause)[-1][1]) for pause in pauses]
        samples = np.array([[1.0, *sign.values()] for sign in found])
        weights[tuple(found[0])] = tuple(_logistic_regression(samples, ends).tolist())
    return weights


def _folds(seen: Seen) -> Iterable[tuple[Seen, Seen]]:
    """Yield the turns of each text, and all others."""
    for text in sorted({turn.text for turn, _ in seen}):
        yield (
            [one for one in seen if one[0].text == text],
            [one for one in seen if one[0].text != text],
        )


def _sweep(folds: Sequence[tuple[Seen, Weights]]) -> Iterator[tuple[float, list[Outcome]]]:
    """Yield each caution, and what it comes to by text, with all signals and the text's weights."""
    for caution in CAUTIONS:
        yield (
            caution,
            [_decide(fold, _policy(weights, caution)) for fold, weights in folds],
        )


def _pooled(by_text: Sequence[Outcome]) -> Outcome:
    return Outcome(
        sum(outcome.turns for outcome in by_text),
        np.concatenate([outcome.delays_ms for outcome in by_text]),
    )


def _upper_limit(by_text: Sequence[Outcome]) -> float:
    """Return the share of cut-offs that is rarely exceeded, by the bootstrap over texts."""
    turns = np.array([outcome.turns for outcome in by_text])
    cut = turns - np.array([len(outcome.delays_ms) for outcome in by_text])
    drawn = np.random.default_rng(SEED).integers(len(turns), size=(REDRAWS, len(turns)))
    shares = cut[drawn].sum(axis=1) / turns[drawn].sum(axis=1)
    return float(np.quantile(shares, CONFIDENCE))


def _decide(seen: Seen, policy: Policy) -> Outcome:
    return replay([turn for turn, _ in seen], [observed for _, observed in seen], policy)


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
    for _ in range(30):
        probabilities = 1 / (1 + np.exp(-samples @ weights))
        gradient = samples.T @ (labels - probabilities) - penalty @ weights
        spread = (probabilities * (1 - probabilities))[:, np.newaxis]
        weights += np.linalg.solve(samples.T @ (samples * spread) + penalty, gradient)
    return weights


if __name__ == "__main__":
    main()
