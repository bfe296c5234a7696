"""Simulated sessions of the whole server behind its transport: connections that stay in memory.

The clients speak the protocol of today or of the beta, have a conversation, only transcribe, or
translate. Some vanish, some stop reading, and some send what is no event at all.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

import anyio
import numpy as np
from numpy.typing import NDArray

from antiphon.config import Limits
from antiphon.engines.base import Floats
from antiphon.engines.scripted.hearing import ScriptedVoiceDetector
from antiphon.errors import EngineError
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.openings import Opening
from tests.simulation.abilities import PROMPTS
from tests.simulation.dice import Dice
from tests.simulation.scripted_cast import random_cast
from tests.simulation.talkers import BetaTalker, SpeechTalker, Talker, TranslationTalker
from tests.support.cast import Cast
from tests.support.memory import MemoryClient, Room, open_room
from tests.support.virtual_time import VirtualTimeLoop

__all__ = ["SocketSessions"]

_CALLERS = (1, 2, 3)
_STEPS = (5, 20, 60)
_THINKING_S = (0.0, 0.0, 0.02, 0.1, 0.5)
_QUIET_S = 600.0
"""After so long nothing is going on any more, whatever was."""

_FAILED = (1011, "Voice detection failed.")
_ENDS = {1000, 1001, 1013}
"""How the server closes connections by itself: as asked, at the end of time, on those who do not
read."""

_WHEN = re.compile(r'"expires_at":\d+')
"""The one thing in a frame that is another each time."""


class Manners(Enum):
    """How a client treats its connection."""

    POLITE = "reads, and leaves when nothing happens any more"
    ABRUPT = "vanishes in the middle of something"
    DEAF = "stops reading"


class FailingDetector(ScriptedVoiceDetector):
    """Gives up in the middle of something."""

    steps_left = 5

    def step(
        self, frames: Floats, states: Sequence[NDArray[np.float32]]
    ) -> tuple[Floats, list[NDArray[np.float32]]]:
        """Judge some frames, then fail."""
        self.steps_left -= 1
        if self.steps_left < 0:
            message = "the detector fell over"
            raise EngineError(message, stage="detect", code="engine_failed")
        return super().step(frames, states)


class SocketSessions:
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
        logging.disable()
        try:
            anyio.run(self._play, backend_options={"loop_factory": VirtualTimeLoop})
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            logging.disable(logging.NOTSET)

    async def _play(self) -> None:
        cast = _cast(self._dice)
        limits = Limits(requests_per_minute=5) if self._dice.chance(0.2) else None
        async with open_room(cast=cast, rate_limits=limits, prompts=PROMPTS) as room:
            # Ids are to be the same when it is played again.
            entropy = RandomEntropy(self._seed)
            room.reception._entropy = room.reception.openings._entropy = entropy
            async with anyio.create_task_group() as calls:
                for number in range(self._dice.choice(_CALLERS)):
                    call = _Call(Dice(f"{self._seed}/{number}"), number, self.frames)
                    calls.start_soon(call.hold, room)
            assert room.reception.open_sessions == 0, "a session is over, and its place is taken"
            assert cast.stage.running == 0, "an engine still works for a session that is over"
        assert len(asyncio.all_tasks()) == 1, "tasks are left"


class _Call:
    """One client's session."""

    def __init__(self, dice: Dice, number: int, frames: list[str]) -> None:
        self._dice = dice
        self._number = number
        self._frames = frames
        self._client = MemoryClient()
        self._manners = dice.weighted({Manners.POLITE: 3, Manners.ABRUPT: 1, Manners.DEAF: 0.5})
        self._talker, self._opening = _talker(dice)

    async def hold(self, room: Room) -> None:
        """Connect, talk, and leave."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(room.serve, self._client, self._opening)
            reading = anyio.CancelScope()
            tasks.start_soon(self._read, reading)
            await self._client.accepted.wait()
            await self._talk()
            self._client.leave()
            self._client.read_on()
            await self._client.over.wait()
            reading.cancel()
        closed = self._client.closed
        assert closed is None or closed == _FAILED or closed[0] in _ENDS, closed

    async def _talk(self) -> None:
        for _ in range(self._dice.choice(_STEPS)):
            await anyio.sleep(self._dice.choice(_THINKING_S))
            if self._talker.is_open and not self._client.over.is_set():
                await self._send()
            if self._manners is Manners.DEAF and self._dice.chance(0.1):
                self._client.stop_reading()
        if self._manners is not Manners.POLITE:
            return
        for text in self._talker.last_words():
            await self._say(text)
        await anyio.sleep(_QUIET_S)
        for text in self._talker.end_all():
            await self._say(text)
        await anyio.sleep(_QUIET_S)
        if self._client.closed is None:
            self._talker.rest()

    async def _send(self) -> None:
        for text in self._talker.next_frames():
            await self._say(text)

    async def _say(self, text: str | bytes) -> None:
        shown = text if isinstance(text, bytes) or len(text) < 100_000 else f"{text[:80]}…"
        self._frames.append(f"{self._number}> {shown!s}")
        await self._client.send_raw(text)

    async def _read(self, scope: anyio.CancelScope) -> None:
        with scope:
            while True:
                text = await self._client.receive()
                shown = _WHEN.sub('"expires_at":0', text)
                self._frames.append(f"{self._number}< {shown}")
                self._talker.read(text)


def _talker(dice: Dice) -> tuple[Talker, Opening]:
    kind = dice.weighted({"realtime": 4, "transcription": 1, "translation": 1.5, "beta": 1.5})
    match kind:
        case "beta":
            return BetaTalker(dice), Opening(model="antiphon", dialect="beta")
        case "translation":
            return TranslationTalker(dice), Opening(kind="translation", model="antiphon")
        case "transcription":
            return SpeechTalker(dice, listens=True), Opening(kind="transcription", model="x")
        case _:
            return SpeechTalker(dice, listens=False), Opening(model="antiphon")


def _cast(dice: Dice) -> Cast:
    cast = random_cast(dice)
    if dice.chance(0.1):
        detector = cast.voice_detector
        failing = FailingDetector(detector.info, detector._script, "detect")
        return replace(cast, voice_detector=failing)
    return cast


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
