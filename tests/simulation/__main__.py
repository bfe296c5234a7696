"""``make simulate``: play sessions until something breaks, or there are no more to play."""

import logging
import os
import sys
import time
from itertools import islice

import click

from tests.simulation.campaign import Level, play_all

MOST_FAILURES = 5
"""More of them hardly tell more."""

SHARES = {Level.CORE: 1, Level.HOST: 20, Level.SOCKET: 40}
"""Where all levels are played: sessions of the core for each one of the slower levels."""

ALL = "all"


@click.command()
@click.option("--level", type=click.Choice([*(one.value for one in Level), ALL]), default=ALL)
@click.option("--sessions", type=click.IntRange(min=1), default=20_000, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the first session.")
@click.option("--processes", type=int, default=os.cpu_count(), show_default=True)
def simulate(level: str, sessions: int, seed: int, processes: int) -> None:
    """Play simulated sessions; of a single one, show every frame."""
    if sessions == 1 and level != ALL:
        show(Level(level), seed)
        return
    if level == ALL:
        counts = {one: sessions // share for one, share in SHARES.items()}
    else:
        counts = {Level(level): sessions}
    failed = False
    for one, count in counts.items():
        began_s = time.monotonic()
        failures = list(islice(play_all(one, range(seed, seed + count), processes), MOST_FAILURES))
        took_s = time.monotonic() - began_s
        for failure in failures:
            click.echo(f"{failure}\n")
        failed = failed or bool(failures)
        click.echo(
            f"{one.value}: {count} from seed {seed} in {took_s:.0f} s, {len(failures)} failed"
        )
    sys.exit(failed)


def show(level: Level, seed: int) -> None:
    """Play one session and show what passed over the wire, whether it fails or not."""
    logging.disable()
    simulation = level.simulation(seed)
    try:
        simulation.run()
    finally:
        click.echo("\n".join(simulation.frames))


if __name__ == "__main__":
    simulate()
