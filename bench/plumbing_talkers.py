"""People who talk to a server all at once, cheap enough to keep time in one process.

Each says something, hears the answer out, pauses, and says the next thing, while the microphone
stays open: a frame of 20 ms is sent every 20 ms. Frames are made beforehand, so that sending them
costs next to nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from antiphon.ask import WIRE_RATE_HZ
from antiphon.audio.formats import Floats
from antiphon.core.clock import INPUT_CLOCK_HZ
from bench.appended import appended, quiet_room
from bench.pace import Pace

__all__ = ["ANSWER_TIMEOUT_S", "SILENCE_MS", "Talk", "talk"]

FRAME_MS = 20
SILENCE_MS = 500
"""Silence that ends a turn."""

PAUSE_S = 2.0
"""From the end of an answer, heard out, to the next turn."""

CYCLE_S = 5.0
"""The talkers begin to speak spread over so much time, so that they do not all speak in step."""

ANSWER_TIMEOUT_S = 15.0
"""A turn that has no whole answer by then is lost."""

_Frames = list[bytes]


class Talk(NamedTuple):
    """What came of it.

    Attributes:
        waits_ms: For each turn that was answered, from the last sample of speech sent to the first
            audio received.
        losses: For each turn that was not answered, what came instead.
        dropped: How many of these were not even told that there is no answer.
        refused: How many people were told at the door to come back later.
        errors: How many error events there were.
        kept_bytes: Audio that the server keeps for clients which ask for it again: what was said
            at 16 kHz, what was heard at 24 kHz, both in 16 bits.
        late_ms: 99th percentile of how late frames were sent.
    """

    waits_ms: list[float]
    losses: list[str]
    dropped: int
    refused: int
    errors: int
    kept_bytes: float
    late_ms: float


def talk(
    url: str,
    talkers: int,
    seconds: float,
    sentences: Sequence[Floats],
    patience_s: float = ANSWER_TIMEOUT_S,
) -> Talk:
    """Have people talk, each of them until a turn ends after so many seconds.

    Args:
        url: WebSocket address of the server's sessions.
        talkers: How many.
        seconds: For how long.
        sentences: What they say in turn: mono float32 at 24 kHz, ending with an audible sample.
        patience_s: A turn that has no whole answer by then is lost, and dropped.
    """
    heard = [appended(speech + quiet_room(len(speech)), FRAME_MS) for speech in sentences]
    return asyncio.run(_talk(url, talkers, seconds, heard, patience_s))


async def _talk(
    url: str, talkers: int, seconds: float, sentences: Sequence[_Frames], patience_s: float
) -> Talk:
    silence = appended(quiet_room(WIRE_RATE_HZ), FRAME_MS)
    pace = Pace()
    async with AsyncExitStack() as sessions:
        people: list[_Talker] = []
        for _ in range(talkers):
            connecting = connect(url, compression=None, ping_interval=None)
            try:
                session = await sessions.enter_async_context(connecting)
            except InvalidStatus as refusal:
                if refusal.response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
            else:
                people.append(_Talker(session, silence, pace, patience_s))
        microphones = [
            asyncio.create_task(one.stream(index / talkers)) for index, one in enumerate(people)
        ]
        await asyncio.gather(
            *(
                one.converse(CYCLE_S * index / talkers, seconds, _from(sentences, index))
                for index, one in enumerate(people)
            )
        )
        for microphone in microphones:  # open until the last one has finished: so all cost alike
            microphone.cancel()
    return Talk(
        [wait_ms for one in people for wait_ms in one.waits_ms],
        [loss for one in people for loss in one.losses],
        sum(one.dropped for one in people),
        talkers - len(people),
        sum(one.errors for one in people),
        sum(one.kept_bytes for one in people),
        pace.take_lateness_ms(),
    )


class _Error(Struct):
    code: str | None = None


class _Details(Struct):
    error: _Error | None = None


class _Response(Struct):
    status: str
    status_details: _Details | None = None

    @property
    def ending(self) -> str:
        """How it ended, with the code of its error."""
        error = self.status_details and self.status_details.error
        return f"{self.status} ({error.code})" if error else self.status


class _Event(Struct):
    type: str
    delta: str = ""
    response: _Response | None = None


_events = msgspec.json.Decoder(_Event)
_SESSION = {
    "type": "realtime",
    "audio": {
        "input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": SILENCE_MS}}
    },
}


class _Talker:
    """One session and who talks in it.

    Args:
        session: Just connected.
        silence: Frames to send while nothing is said.
        pace: Notes how late frames leave.
        patience_s: How long to wait for an answer.
    """

    def __init__(
        self, session: ClientConnection, silence: _Frames, pace: Pace, patience_s: float
    ) -> None:
        self.waits_ms: list[float] = []
        self.losses: list[str] = []
        self.dropped = 0
        self._patience_s = patience_s
        self.errors = 0
        self.kept_bytes = 0.0
        self._session = session
        self._silence = silence
        self._pace = pace
        self._saying: list[bytes] = []  # frames to come, the next one last
        self._said: asyncio.Future[float] | None = None

    async def stream(self, phase: float) -> None:
        """Keep the microphone open until cancelled.

        Args:
            phase: When its frames leave, as a share of the length of one.
        """
        due_s = asyncio.get_running_loop().time() + phase * FRAME_MS / 1000
        number = 0
        while True:
            due_s += FRAME_MS / 1000
            await self._pace.until(due_s)
            if self._saying:
                frame = self._saying.pop()
            else:
                frame = self._silence[number % len(self._silence)]
                number += 1
            self._session.transport.write(frame)
            if self._said is not None and not self._saying:
                self._said.set_result(asyncio.get_running_loop().time())
                self._said = None

    async def converse(self, begin_s: float, seconds: float, sentences: Sequence[_Frames]) -> None:
        """Say one thing after the other.

        Args:
            begin_s: How long to be silent at first.
            seconds: How long to go on, at least.
            sentences: What to say, over and over.
        """
        loop = asyncio.get_running_loop()
        update = {"type": "session.update", "session": _SESSION}
        await self._session.send(json.dumps(update))
        until_s = loop.time() + seconds
        await asyncio.sleep(begin_s)
        for sentence in itertools.cycle(sentences):
            if loop.time() >= until_s:
                return
            said = self._say(sentence)
            sentence_s = len(sentence) * FRAME_MS / 1000
            self.kept_bytes += sentence_s * INPUT_CLOCK_HZ * 2
            try:
                async with asyncio.timeout(sentence_s + self._patience_s):
                    heard_out_at_s = await self._hear_answer(said)
            except TimeoutError:
                self._drop("nothing")
            except ConnectionClosed as closed:
                self._drop(f"the end of the connection: {closed}")
                return
            else:
                await asyncio.sleep(heard_out_at_s + PAUSE_S - loop.time())

    def _say(self, sentence: _Frames) -> asyncio.Future[float]:
        """Begin to speak; return when the last sample will have been sent."""
        said = self._said = asyncio.get_running_loop().create_future()
        self._saying = sentence[::-1]
        return said

    def _drop(self, loss: str) -> None:
        self.losses.append(loss)
        self.dropped += 1

    async def _hear_answer(self, said: asyncio.Future[float]) -> float:
        """Take events until the response is over; return when it has been heard out."""
        loop = asyncio.get_running_loop()
        begun_at_s, audio_s = 0.0, 0.0
        while True:
            event = _events.decode(await self._session.recv())
            match event.type:
                case "error":
                    self.errors += 1
                case "response.created":
                    begun_at_s, audio_s = 0.0, 0.0
                case "response.output_audio.delta":
                    begun_at_s = begun_at_s or loop.time()
                    audio_s += len(event.delta) * 3 / 4 / 2 / WIRE_RATE_HZ
                case "response.done" if said.done():
                    assert event.response is not None
                    status = event.response.status
                    if status == "cancelled":
                        continue  # of a pause in the sentence: the answer is yet to come
                    if status == "completed" and begun_at_s:
                        self.waits_ms.append((begun_at_s - said.result()) * 1000)
                    else:
                        self.losses.append(f"{event.response.ending} with {audio_s:.1f} s of audio")
                    self.kept_bytes += audio_s * WIRE_RATE_HZ * 2
                    return (begun_at_s or loop.time()) + audio_s


def _from(sentences: Sequence[_Frames], first: int) -> list[_Frames]:
    """Return all of them, beginning with another one for each talker."""
    first %= len(sentences)
    return [*sentences[first:], *sentences[:first]]
