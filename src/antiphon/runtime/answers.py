"""The answers of one session: those that are needed, and the one that may be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import anyio
from anyio.abc import TaskGroup

from antiphon.core.plan import Plan
from antiphon.core.signals import Signal
from antiphon.engines.base import Floats
from antiphon.observe import Moment
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.held import HeldSignals
from antiphon.runtime.respond import Answer
from antiphon.runtime.spare import Spare
from antiphon.runtime.timing import TurnTiming
from antiphon.runtime.work import Work
from antiphon.wire.audio_config import AudioFormat

__all__ = ["Answers"]


@dataclass(eq=False)
class _Underway:
    """An answer that is being worked out.

    Attributes:
        plan: What it is to be.
        held: Stands between it and the session.
        work: Works it out.
    """

    plan: Plan
    held: HeldSignals
    work: Work


class Answers:
    """Works out answers, at once or ahead.

    Args:
        conversation: Key of the language model's prefix cache.
        engines: Who does the work.
        spare: Counts it, beside that of all other sessions.
        tasks: Runs it.
        feed: Takes what comes of it.
        room: Waits while the client is too far behind with a response.
        timing: Notes when something happened to a response.
        recording: Returns what a user's item sounds like, for models that hear.
    """

    def __init__(
        self,
        *,
        conversation: str,
        engines: EngineSet,
        spare: Spare,
        tasks: TaskGroup,
        feed: Callable[[Signal], None],
        room: Callable[[str], Awaitable[None]],
        timing: TurnTiming,
        recording: Callable[[str], Floats | None],
    ) -> None:
        self._conversation = conversation
        self._engines = engines
        self._spare = spare
        self._tasks = tasks
        self._feed = feed
        self._room = room
        self._timing = timing
        self._recording = recording
        self._underway: dict[str, _Underway] = {}
        self._released: list[HeldSignals] = []

    def format_of(self, response_id: str) -> AudioFormat:
        """Return the format in which an answer is spoken."""
        return self._underway[response_id].plan.output_format

    def start(self, plan: Plan) -> None:
        """Work an answer out."""
        self._begin(plan, needed=True)

    def guess(self, plan: Plan) -> None:
        """Work an answer out, as far as there is room for it, and hold everything back."""
        self._timing.begin_ahead(plan.response_id, anyio.current_time())
        self._begin(plan, needed=False)

    def release(self, response_id: str) -> None:
        """Take over what was worked out ahead; it goes out with :meth:`deliver`."""
        guess = self._underway[response_id]
        if guess.held.failed or not guess.work.will_be_done:
            # It failed, which may not happen again, or has had no room.
            self.drop(response_id)
            self.start(guess.plan)
            return
        self._released.append(guess.held)
        guess.work.need()

    def deliver(self) -> None:
        """Pass on what was released: after everything that led to it has been performed."""
        released, self._released = self._released, []
        for held in released:
            held.release()

    def stop(self, response_id: str) -> None:
        """Stop working an answer out: whatever it still yields is dropped."""
        self._underway[response_id].work.stop()

    def drop(self, response_id: str) -> None:
        """Stop working an answer out, and forget it. There may be another one of that id."""
        self._underway.pop(response_id).work.stop()
        self._timing.forget_ahead(response_id, anyio.current_time())

    def end(self, response_id: str) -> None:
        """Forget an answer: its response has ended."""
        ended = self._underway.pop(response_id, None)
        if ended is not None and ended.held in self._released:
            self._released.remove(ended.held)

    def stop_all(self) -> None:
        """Stop everything: the session ends."""
        for answer in self._underway.values():
            answer.work.stop()

    def _begin(self, plan: Plan, *, needed: bool) -> None:
        held = HeldSignals(self._feed, partial(self._room, plan.response_id))
        if needed:
            held.release()

        def mark(moment: Moment) -> None:
            self._timing.mark(plan.response_id, moment, anyio.current_time())

        answer = Answer(
            plan=plan,
            conversation=self._conversation,
            engines=self._engines,
            feed=held.feed,
            room=held.room,
            mark=mark,
            recording=self._recording,
        )

        async def work_out(_: Work) -> None:
            mark(Moment.STARTED)
            await answer.work_out()

        work = Work(work_out, spare=self._spare, tasks=self._tasks, needed=needed)
        self._underway[plan.response_id] = _Underway(plan, held, work)
        work.begin()
