"""How soon is the end of a turn seen, and how often is a speaker cut off who was only thinking?

Replays the held-out half of ``bench/turn_set.py`` through the real voice and turn detectors::

    python -m bench.turns                          # the table
    python -m bench.turns --plot docs/turns.png    # and the curves
    python -m bench.turns --fit                    # what core/turn_end.py has its numbers from

A cut-off is a turn that was ended before its end; the share is of all turns, of which nearly half
hesitate. The delay runs from the last audible sample to the decision and is that of the other
turns. Delays are in audio time, the engines' included as ``bench/turn_replay.py`` states them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from antiphon.core import turn_end
from antiphon.core.turn_end import Evidence, log_odds_of_end, signs, silence_ms_needed, wait_ms
from antiphon.wire.audio_config import SemanticVad, ServerVad
from bench.common import print_table
from bench.turn_evidence import Observed, observe
from bench.turn_replay import Outcome, Policy, Signals, replay
from bench.turn_set import Half, Turn, turn_set

ALLOWED = 0.05
"""Share of cut-offs at which ways to decide are compared."""

SILENCES_MS = tuple(range(200, 2001, 100))
CAUTIONS = tuple(np.arange(-1.0, 7.01, 0.125))
ALLOWED_BY_EAGERNESS = {"low": 0.02, "medium": 0.04, "high": 0.08}
"""What cautions are chosen for, on the half that is fitted on."""

TYPICAL_PAUSES_MS = (400, 500, 600, 700, 800)
EAGERNESSES: tuple[turn_end.Eagerness, ...] = ("low", "medium", "high")

WAYS = {
    "predictor": Signals(predictor=True),
    "words": Signals(words=True),
    "predictor, words": Signals(predictor=True, words=True),
    "words, language model": Signals(words=True, language_model=True),
    "all three": Signals(predictor=True, words=True, language_model=True),
}

Curve = dict[float, Outcome]
"""Outcomes by the setting that was swept."""


class Replays:
    """One half of the set, and what the engines make of it."""

    def __init__(self, half: Half) -> None:
        self._turns = [turn for turn in turn_set() if turn.half is half]
        self._observed = observe(self._turns)

    @property
    def turns(self) -> Sequence[Turn]:
        """The turns."""
        return self._turns

    @property
    def observed(self) -> Sequence[Observed]:
        """What the engines make of each turn."""
        return self._observed

    def silence(self) -> Curve:
        """Sweep ``server_vad``."""
        return {
            silence_ms: self._replay(Policy(ServerVad(silence_duration_ms=silence_ms)))
            for silence_ms in SILENCES_MS
        }

    def caution(self, signals: Signals) -> Curve:
        """Sweep the caution, up to the longest wait of medium eagerness."""
        return {caution: self._cautious(signals, caution) for caution in CAUTIONS}

    def eagerness(self, signals: Signals, eagerness: turn_end.Eagerness) -> Outcome:
        """Decide as the server does."""
        settings = SemanticVad(eagerness=eagerness)
        return self._replay(
            Policy(settings, signals, lambda known: silence_ms_needed(known, eagerness))
        )

    def _cautious(self, signals: Signals, caution: float) -> Outcome:
        def wait(known: Evidence) -> float:
            log_odds = log_odds_of_end(known)
            assert log_odds is not None
            return wait_ms(log_odds, caution)

        return self._replay(Policy(SemanticVad(eagerness="medium"), signals, wait))

    def _replay(self, policy: Policy) -> Outcome:
        return replay(self._turns, self._observed, policy)


@click.command()
@click.option("--fit", is_flag=True, help="Fit on the first half instead.")
@click.option("--plot", type=click.Path(path_type=Path), help="PNG file for the curves.")
def main(*, fit: bool, plot: Path | None) -> None:
    """Compare ways to tell the end of a turn from a hesitation."""
    if fit:
        _fit(Replays(Half.FIT))
        return
    replays = Replays(Half.HELD_OUT)
    pauses = [pause for seen in replays.observed for pause in seen.pauses]
    hesitant = sum(turn.pauses > 0 for turn in replays.turns)
    print(f"{len(replays.turns)} turns, {hesitant} hesitate; {len(pauses)} pauses seen\n")
    curves = {"silence": replays.silence()}
    curves |= {way: replays.caution(signals) for way, signals in WAYS.items()}
    print_table(_HEAD, [_row(f"silence, {ms} ms", out) for ms, out in curves["silence"].items()])
    print(f"\nthe soonest with at most {ALLOWED:.0%} cut off")
    soonest = {way: _soonest(curve, ALLOWED) for way, curve in curves.items()}
    print_table(_HEAD, [_row(way, curves[way][setting]) for way, setting in soonest.items()])
    for way in ("predictor, words", "all three"):
        print(f"\nsemantic_vad, by eagerness: {way}")
        outcomes = {name: replays.eagerness(WAYS[way], name) for name in EAGERNESSES}
        print_table(_HEAD, [_row(name, outcome) for name, outcome in outcomes.items()])
    if plot is not None:
        _plot(curves, {name: replays.eagerness(WAYS["all three"], name) for name in outcomes}, plot)


_HEAD = ("", "cut off %", "mean ms", "p50", "p95")


def _row(name: str, outcome: Outcome) -> tuple[object, ...]:
    p50, p95 = np.percentile(outcome.delays_ms, (50, 95))
    return name, f"{outcome.cut_off:.1%}", outcome.mean_ms, float(p50), float(p95)


def _soonest(curve: Curve, allowed: float) -> float:
    """Return the setting with the least mean delay of those that cut off few enough."""
    sparing = {setting: out for setting, out in curve.items() if out.cut_off <= allowed}
    if not sparing:
        return min(curve, key=lambda setting: curve[setting].cut_off)
    return min(sparing, key=lambda setting: sparing[setting].mean_ms)


# --- fitting --------------------------------------------------------------------------------------


def _fit(replays: Replays) -> None:
    """Print what ``core/turn_end.py`` states: weights first, then what waits are computed by."""
    for way, signals in WAYS.items():
        names, samples, ends = _samples(replays.observed, signals)
        weights = _logistic_regression(samples, ends)
        print(f"{way}: {names}: ({', '.join(f'{weight:.2f}' for weight in weights)})")
    print("\nwith the weights as they stand in core/turn_end.py:")
    for typical_ms in TYPICAL_PAUSES_MS:
        turn_end.TYPICAL_PAUSE_MS = typical_ms
        for way in ("predictor, words", "all three"):
            curve = replays.caution(WAYS[way])
            for eagerness, allowed in ALLOWED_BY_EAGERNESS.items():
                caution = _soonest(curve, allowed)
                out = curve[caution]
                print(
                    f"typical pause {typical_ms} ms, {way}, {eagerness}: caution {caution:.2f} "
                    f"cuts off {out.cut_off:.1%}, mean delay {out.mean_ms:.0f} ms"
                )


def _samples(
    observed: Sequence[Observed], signals: Signals
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Return the signs' names, their values with a leading 1, shape (n, m), and the labels (n,)."""
    pauses = list(itertools.chain.from_iterable(seen.pauses for seen in observed))
    found = [signs(signals.arrivals(pause)[-1][1]) for pause in pauses]
    samples = np.array([[1.0, *sign.values()] for sign in found])
    return tuple(found[0]), samples, np.array([float(pause.is_end) for pause in pauses])


def _logistic_regression(
    samples: NDArray[np.float64], labels: NDArray[np.float64], ridge: float = 1.0
) -> NDArray[np.float64]:
    """Return the weights of greatest likelihood, drawn towards 0 a little, by Newton's method."""
    penalty = ridge * np.eye(samples.shape[1])
    penalty[0, 0] = 0.0  # the constant is free
    weights = np.zeros(samples.shape[1])
    for _ in range(30):
        probabilities = 1 / (1 + np.exp(-samples @ weights))
        gradient = samples.T @ (labels - probabilities) - penalty @ weights
        spread = (probabilities * (1 - probabilities))[:, np.newaxis]
        weights += np.linalg.solve(samples.T @ (samples * spread) + penalty, gradient)
    return weights


# --- drawing --------------------------------------------------------------------------------------


def _plot(curves: dict[str, Curve], chosen: dict[turn_end.Eagerness, Outcome], path: Path) -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415 (only drawing needs it)

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot(
        xlabel="mean delay, ms",
        ylabel="turns cut off, %",
        xlim=(0, 2100),
        ylim=(0, 30),
    )
    for way, curve in curves.items():
        delays_ms, shares = zip(*_points(curve), strict=True)
        axes.plot(delays_ms, shares, label=way, linestyle="--" if way == "silence" else "-")
    for eagerness, outcome in chosen.items():
        axes.plot(outcome.mean_ms, 100 * outcome.cut_off, "ko", markersize=4)
        axes.annotate(f" {eagerness}", (outcome.mean_ms, 100 * outcome.cut_off))
    axes.axhline(100 * ALLOWED, color="grey", linewidth=0.5)
    axes.legend()
    figure.savefig(path, dpi=100)


def _points(curve: Curve) -> Iterator[tuple[float, float]]:
    for outcome in curve.values():
        yield outcome.mean_ms, 100 * outcome.cut_off


if __name__ == "__main__":
    main()
