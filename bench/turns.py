"""How soon is the end of a turn seen, and how often is a speaker cut off who was only thinking?

Replays the exam of ``bench/turn_set.py`` through the real voice and turn detectors::

    python -m bench.turns                          # the table
    python -m bench.turns --plot docs/turns.png    # and the curves

Nothing is fitted or chosen on the exam; that is done by ``bench/turn_fit.py``, on other texts and
other voices.

A cut-off is a turn that was ended before its end; the share is of all turns, of which nearly half
hesitate. The delay runs from the last audible sample to the decision and is that of the other
turns. Delays are in audio time, the engines' included as ``bench/turn_replay.py`` states them.
Limits hold 19 times out of 20 for other texts and other voices of the kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from antiphon.core.turn_end import (
    Eagerness,
    Evidence,
    log_odds_of_end,
    silence_ms_needed,
    wait_ms,
)
from antiphon.wire.audio_config import SemanticVad, ServerVad
from bench.common import print_table
from bench.turn_chance import Redraws
from bench.turn_evidence import Observed, observe
from bench.turn_replay import Outcome, Policy, Signals, replay
from bench.turn_set import Part, Turn, turn_set

ALLOWED = 0.05
"""Share of cut-offs at which ways to decide are compared."""

SILENCES_MS = tuple(range(200, 2001, 100))
CAUTIONS = tuple(np.arange(-1.0, 7.01, 0.125))
EAGERNESSES: tuple[Eagerness, ...] = ("low", "medium", "high")

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
    """The exam, and what the engines make of it."""

    def __init__(self) -> None:
        self._turns = turn_set(Part.EXAM)
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

    def eagerness(self, signals: Signals, eagerness: Eagerness) -> Outcome:
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
@click.option("--plot", type=click.Path(path_type=Path), help="PNG file for the curves.")
def main(*, plot: Path | None) -> None:
    """Compare ways to tell the end of a turn from a hesitation."""
    replays = Replays()
    pauses = [pause for seen in replays.observed for pause in seen.pauses]
    hesitant = sum(turn.pauses > 0 for turn in replays.turns)
    print(f"{len(replays.turns)} turns, {hesitant} hesitate; {len(pauses)} pauses seen\n")
    curves = {"silence": replays.silence()}
    curves |= {way: replays.caution(signals) for way, signals in WAYS.items()}
    print_table(_HEAD, [_row(f"silence, {ms} ms", out) for ms, out in curves["silence"].items()])
    print(f"\nthe soonest with at most {ALLOWED:.0%} cut off")
    chosen = {way: soonest(curve, ALLOWED) for way, curve in curves.items()}
    print_table(_HEAD, [_row(way, curves[way][setting]) for way, setting in chosen.items()])
    print(f"\nwith {ALLOWED:.0%} cut off, between the settings above and below")
    means_ms = {way: mean_ms_at(ALLOWED, curve.values()) for way, curve in curves.items()}
    rows = [
        (way, mean_ms, f"{mean_ms / means_ms['silence']:.2f}") for way, mean_ms in means_ms.items()
    ]
    print_table(("", "mean ms", "of silence"), rows)
    redraws = Redraws(replays.turns)
    by_silence, by_all = ([*curves[way].values()] for way in ("silence", "all three"))
    least, most = redraws.interval(_ratio, by_all, by_silence)
    print(f"of silence, with all three and other texts and voices: {least:.2f} to {most:.2f}")
    for way in ("predictor, words", "all three"):
        print(f"\nsemantic_vad, by eagerness: {way}")
        outcomes = {name: replays.eagerness(WAYS[way], name) for name in EAGERNESSES}
        print_table(
            (*_HEAD, "at most"),
            [
                (*_row(name, outcome), f"{redraws.most_cut_off(outcome):.1%}")
                for name, outcome in outcomes.items()
            ],
        )
    if plot is not None:
        _plot(curves, outcomes, plot)


_HEAD = ("", "cut off %", "mean ms", "p50", "p95")


def _row(name: str, outcome: Outcome) -> tuple[object, ...]:
    p50, p95 = np.nanpercentile(outcome.delays_ms, (50, 95))
    return name, f"{outcome.cut_off:.1%}", outcome.mean_ms, float(p50), float(p95)


def soonest(curve: Curve, allowed: float) -> float:
    """Return the setting with the least mean delay of those that cut off few enough."""
    sparing = {setting: out for setting, out in curve.items() if out.cut_off <= allowed}
    if not sparing:
        return min(curve, key=lambda setting: curve[setting].cut_off)
    return min(sparing, key=lambda setting: sparing[setting].mean_ms)


def mean_ms_at(share: float, outcomes: Iterable[Outcome]) -> float:
    """Return the mean delay at a share of cut-offs, between those of the settings on either side.

    If even the wariest setting cuts off more, it is the delay of that one.

    Args:
        share: The share of cut-offs.
        outcomes: By settings of which each cuts off no more than the one before, and the first
            more than the share.
    """
    warier, *others = outcomes
    for outcome in others:
        bolder, warier = warier, outcome
        if warier.cut_off <= share < bolder.cut_off:
            between = (share - warier.cut_off) / (bolder.cut_off - warier.cut_off)
            return warier.mean_ms + between * (bolder.mean_ms - warier.mean_ms)
    return warier.mean_ms


def _ratio(one: Iterable[Outcome], other: Iterable[Outcome]) -> float:
    return mean_ms_at(ALLOWED, one) / mean_ms_at(ALLOWED, other)


# --- drawing --------------------------------------------------------------------------------------


def _plot(curves: dict[str, Curve], chosen: dict[Eagerness, Outcome], path: Path) -> None:
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
