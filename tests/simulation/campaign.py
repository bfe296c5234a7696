"""Many sessions in a row or side by side, and what to do about one that fails."""

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from enum import Enum
from itertools import islice
from typing import NamedTuple, Protocol

from tests.simulation.core_session import CoreSession
from tests.simulation.host_sessions import HostSessions
from tests.simulation.socket_sessions import SocketSessions

__all__ = ["Failure", "Level", "Simulation", "play", "play_all"]

_BLOCK = 100
"""How many sessions a process is given at a time."""


class Simulation(Protocol):
    """Something that a seed decides.

    Attributes:
        frames: Everything that passed over the wire so far, in order.
    """

    frames: list[str]

    def run(self) -> None:
        """Play it from the beginning to the end."""
        ...


class Level(Enum):
    """How much of the server is real."""

    CORE = "core"
    """The core; the runtime and the engines are a model."""
    HOST = "host"
    """The core and the runtime; engines are scripted, and time is skipped."""
    SOCKET = "socket"
    """The same behind the transport, with clients of every kind and of bad manners."""

    def simulation(self, seed: int) -> Simulation:
        """Return what a seed decides on this level."""
        makes: dict[Level, Callable[[int], Simulation]] = {
            Level.CORE: CoreSession,
            Level.HOST: HostSessions,
            Level.SOCKET: SocketSessions,
        }
        return makes[self](seed)


class Failure(NamedTuple):
    """A promise that was broken.

    Attributes:
        level: Where.
        seed: What leads there again.
        reason: How it showed.
    """

    level: Level
    seed: int
    reason: str

    def __str__(self) -> str:
        command = f"make simulate LEVEL={self.level.value} SEED={self.seed} N=1"
        return f"{self.reason}\nThe same again, frame by frame: {command}"


def play(level: Level, seed: int) -> Failure | None:
    """Play what a seed decides, and return how it failed, if it did."""
    try:
        level.simulation(seed).run()
    except Exception:  # whatever it is, it is to be reported with its seed
        return Failure(level, seed, traceback.format_exc())
    return None


def play_all(level: Level, seeds: range, processes: int) -> Iterator[Failure]:
    """Play many sessions side by side; yield what fails, in the order of the seeds."""
    blocks = [seeds[start : start + _BLOCK] for start in range(0, len(seeds), _BLOCK)]
    with ProcessPoolExecutor(processes, initializer=_be_quiet) as pool:
        waiting = iter(blocks)
        # Not all at once, so that whoever has seen enough failures can stop.
        running = [pool.submit(_play_block, level, one) for one in islice(waiting, 2 * processes)]
        while running:
            yield from running.pop(0).result()
            running += [pool.submit(_play_block, level, one) for one in islice(waiting, 1)]


def _play_block(level: Level, seeds: Iterable[int]) -> list[Failure]:
    return [failure for seed in seeds if (failure := play(level, seed)) is not None]


def _be_quiet() -> None:
    """Keep the log of the engines' scripted failures off the screen."""
    logging.disable()
