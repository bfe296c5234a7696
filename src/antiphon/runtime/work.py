"""Work of a session's engines that may begin before it is known to be needed.

A guess begins while there is room for it (:mod:`antiphon.runtime.spare`), may have to give way
while it runs, and is claimed once it turns out to be needed. What was never begun or gave way is
done then: whoever needs work need not know whether anybody guessed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum

import anyio
from anyio.abc import TaskGroup

from antiphon.runtime.spare import Claim, Seat, Spare

__all__ = ["Work"]


class _Stage(Enum):
    WAITING = "waiting"
    """Not begun, or begun and given way."""
    UNDERWAY = "under way"
    DONE = "done"
    STOPPED = "stopped"


class Work:
    """One piece of work: at most one task, whatever becomes of it.

    Args:
        do: Does it, from the beginning; called again if it had to give way. It is given the work
            itself: did it hold it, the audio it works on would be there until the next collection
            of garbage.
        spare: Counts it.
        tasks: Runs it.
        needed: Whether it is needed already.
        done: Called once it is done, unless it was stopped. Its seat is free by then, so another
            guess may take it.
    """

    def __init__(
        self,
        do: Callable[[Work], Awaitable[None]],
        *,
        spare: Spare,
        tasks: TaskGroup,
        needed: bool,
        done: Callable[[], None] | None = None,
    ) -> None:
        self._do = do
        self._done = done
        self._spare = spare
        self._tasks = tasks
        self._needed = needed
        self._stage = _Stage.WAITING
        self._scope = anyio.CancelScope()  # of the task that does it
        self._seat: Seat | None = None  # once that task runs

    @property
    def needed(self) -> bool:
        """Whether it has turned out to be needed."""
        return self._needed

    @property
    def will_be_done(self) -> bool:
        """Whether it is done, or under way and has not had to give way."""
        return self._stage is _Stage.DONE or (
            self._stage is _Stage.UNDERWAY and not self._is_giving_way
        )

    def begin(self) -> None:
        """Start, a guess as soon as there is room for it."""
        if self._needed or self._spare.has_room:
            self._start()
        else:
            self._spare.wait_for_room(self._start)

    def need(self) -> None:
        """Note that it is needed, and start if it does not run."""
        self._needed = True
        self._spare.wait_no_more(self._start)
        if self._stage is _Stage.WAITING:
            self._start()
        elif self._seat is not None and not self._is_giving_way:
            self._spare.claim(self._seat)

    def stop(self) -> None:
        """Stop, for good."""
        self._spare.wait_no_more(self._start)
        if self._stage is not _Stage.DONE:
            self._stage = _Stage.STOPPED
        self._scope.cancel()

    @property
    def _is_giving_way(self) -> bool:
        return self._seat is not None and self._seat.claim is Claim.GAVE_WAY

    def _start(self) -> None:
        self._stage = _Stage.UNDERWAY
        self._tasks.start_soon(self._run)

    async def _run(self) -> None:
        while self._stage is _Stage.UNDERWAY:
            finished = False
            with self._spare.seat(self._scope, needed=self._needed) as self._seat, self._scope:
                await self._do(self)
                finished = True
            self._seat = None
            self._leave(finished=finished)
        if self._stage is _Stage.DONE and self._done is not None:
            self._done()

    def _leave(self, *, finished: bool) -> None:
        """Note how the task's turn ended: stopped, done, or given way."""
        if self._stage is _Stage.STOPPED:
            return
        if finished:
            self._stage = _Stage.DONE
            return
        self._scope = anyio.CancelScope()
        if not self._needed:  # else it begins again at once, as nobody else will do it
            self._stage = _Stage.WAITING
