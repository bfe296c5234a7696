"""Simulated sessions of the whole runtime: real hosts, scripted engines, time that is skipped.

A few clients call at once, so that they share engines and voice detection. Everything that happens
is decided by the seed; the clock of the event loop jumps to whatever comes next.
"""

import asyncio
from functools import partial
from typing import Any

import anyio

from antiphon.core.verbs import Verbs
from antiphon.observe import TimelineLog
from antiphon.runtime.detection import Detection
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.host import Host
from antiphon.runtime.observers import Observers, opened_session
from antiphon.runtime.openings import Opening
from antiphon.runtime.spare import Machines
from tests.simulation.abilities import random_abilities, random_reader
from tests.simulation.client import Client, Sending
from tests.simulation.dice import Dice
from tests.simulation.scripted_cast import random_cast
from tests.simulation.starts import LIFETIME_S, speech_session, transcription_session
from tests.support.cast import Cast
from tests.support.ledger import Ledger, read_frame
from tests.support.virtual_time import VirtualTimeLoop

__all__ = ["HostSessions"]

_CALLERS = (1, 1, 2, 3)
_STEPS = (5, 20, 60)
_THINKING_S = (0.0, 0.0, 0.02, 0.02, 0.1, 0.5)
_READING_S = (0.0, 0.02, 0.5, 20.0)
_QUIET_S = 600.0
"""After so long nothing is going on any more, whatever was."""


class HostSessions:
    """Some sessions on one server.

    Attributes:
        frames: Everything that passed over the wire, in order: the number of the client, then
            ``>`` to the server, or ``!`` if that is sure to be refused; ``<`` to the client.
    """

    def __init__(self, seed: int) -> None:
        self.frames: list[str] = []
        self._seed = seed
        self._dice = Dice(seed)

    def run(self) -> None:
        """Play them from the beginning to the end.

        Raises:
            AssertionError: A promise was broken.
        """
        try:
            anyio.run(self._play, backend_options={"loop_factory": VirtualTimeLoop})
        except BaseExceptionGroup as group:
            raise _first(group) from None

    async def _play(self) -> None:
        cast = random_cast(self._dice)
        detection = Detection(cast.voice_detector)
        async with anyio.create_task_group() as room:
            room.start_soon(detection.run)
            async with anyio.create_task_group() as calls:
                callers = self._dice.choice(_CALLERS)
                for number in range(callers):
                    call = _Call(self._seed, number, self.frames, is_alone=callers == 1)
                    calls.start_soon(call.hold, cast, detection)
            room.cancel_scope.cancel()
        assert cast.stage.running == 0, "an engine still works for a session that is over"
        assert len(asyncio.all_tasks()) == 1, "tasks are left"
        assert not detection._waiting, "voice detection remembers a session that is over"
        assert not _open_generators(), "generators are left"


class _Call:
    """One client's session."""

    def __init__(self, seed: int, number: int, frames: list[str], *, is_alone: bool) -> None:
        self._dice = Dice(f"{seed}/{number}")
        self._entropy = RandomEntropy(self._dice.getrandbits(32))
        self._ledger = Ledger()
        self._abilities = random_abilities(self._dice)
        self._listens = self._dice.chance(0.1)
        self._client = Client(self._dice, self._ledger, self._abilities, listens=self._listens)
        self._reading_s = self._dice.choice(_READING_S)
        self._number = number
        self._is_alone = is_alone
        self._frames = frames

    async def hold(self, cast: Cast, detection: Detection) -> None:
        """Connect, talk, and leave."""
        async with anyio.create_task_group() as tasks:
            session = self._session()
            opened = opened_session(Opening(model="m"), session.settings.id, "websocket")
            host = Host(
                session,
                engines=cast.engines,
                detection=detection,
                machines=Machines(),
                timelines=TimelineLog(),
                opened=opened,
                observers=Observers(),
                tasks=tasks,
            )
            host.outbox.write_by(partial(tasks.start_soon, self._read, host))
            await anyio.lowlevel.checkpoint()
            await self._talk(host, cast)
            host.close()
            tasks.cancel_scope.cancel()

    def _session(self) -> Verbs[Any]:
        now = asyncio.get_running_loop().time()
        if self._listens:
            return transcription_session(self._dice, self._abilities, self._entropy, now)
        reader = random_reader(self._dice)
        return speech_session(self._dice, self._abilities, reader, self._entropy, now)

    async def _talk(self, host: Host, cast: Cast) -> None:
        for _ in range(self._dice.choice(_STEPS)):
            await anyio.sleep(self._dice.choice(_THINKING_S))
            self._send(host, self._client.next_frame())
        if self._dice.chance(0.3):
            return  # the client vanishes
        await self._come_to_rest(host)
        assert not self._is_alone or cast.stage.running == 0, "an engine works for nobody"
        for item_id in tuple(self._ledger.order):
            self._send(host, self._client.request_of_an_item(item_id))
        await anyio.sleep(_QUIET_S)
        self._ledger.rest()
        if self._dice.chance(0.3):
            await self._outstay(host)

    async def _come_to_rest(self, host: Host) -> None:
        """Let all work end, or end it if it never would by itself."""
        self._reading_s = 0.0
        self._send(host, self._client.request_of_peace())
        await anyio.sleep(_QUIET_S)
        for response_id in self._ledger.running:
            self._send(host, self._client.request_of_an_end(response_id))
        await anyio.sleep(_QUIET_S)
        self._ledger.rest()

    async def _outstay(self, host: Host) -> None:
        """Stay until the session expires, in the middle of something."""
        now = asyncio.get_running_loop().time()
        await anyio.sleep(LIFETIME_S - now - self._dice.choice([0.01, 0.3, 5]))
        while host.closing is None:
            self._send(host, self._client.next_frame())
            await anyio.sleep(self._dice.choice(_THINKING_S))
        await anyio.sleep(_QUIET_S)
        assert host.closing is not None
        assert host.closing[0] == 1001
        assert self._ledger.expired

    def _send(self, host: Host, sending: Sending) -> None:
        self._frames.append(f"{self._number}{sending}")
        self._ledger.sends(sending.text, sending.form)
        host.receive(sending.text)

    async def _read(self, host: Host) -> None:
        """Read what comes, as fast as this client does."""
        while (frame := await host.outbox.get()) is not None:
            self._frames.append(f"{self._number}< {frame.decode()}")
            self._ledger.read(read_frame(frame))
            if self._dice.chance(0.02):
                await anyio.sleep(self._reading_s)


def _open_generators() -> list[object]:
    """Return the async generators that have begun and have neither ended nor been closed."""
    begun = asyncio.get_running_loop()._asyncgens  # type: ignore[attr-defined]
    return [generator for generator in begun if generator.ag_frame is not None]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
