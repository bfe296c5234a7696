"""Work of a session's engines that may begin before it is known to be needed.

A guess begins while there is room for it (:mod:`antiphon.runtime.spare`), may have to give way
while it runs, and is claimed once it turns out to be needed. What was never begun or gave way is
done then: whoever needs work need not know whether anybody guessed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from antiphon.runtime.spare import Seat, Spare

__all__ = ["Work"]


class Work:
    """One piece of work: at most one task, whatever becomes of it.

    Args:
        do: Does it, from the beginning; called again if it had to give way.
        spare: Counts it.
        tasks: Runs it.
        needed: Whether it is needed already.
        done: Called once it is done, unless it was stopped. Its seat is free by then, so another
            guess may take it.
    """

    def __init__(
        self,
        do: Callable[[], Awaitable[None]],
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
        self._scope: anyio.CancelScope | None = None  # while a task runs
        self._seat: Seat | None = None
        self._finished = False
        self._stopped = False

    @property
    def needed(self) -> bool:
        """Whether it has turned out to be needed."""
        return self._needed

    @property
    def will_be_done(self) -> bool:
        """Whether it is done, or under way and has not had to give way."""
        gave_way = self._seat is not None and self._seat.gave_way
        return self._finished or (self._scope is not None and not gave_way)

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
        if self._seat is not None and not self._seat.gave_way:
            self._spare.claim(self._seat)
        elif self._scope is None and not self._finished and not self._stopped:
            self._start()

    def stop(self) -> None:
        """Stop, for good."""
        self._stopped = True
        self._spare.wait_no_more(self._start)
        if self._scope is not None:
            self._scope.cancel()

    def _start(self) -> None:
        self._scope = anyio.CancelScope()
        self._tasks.start_soon(self._run)

    async def _run(self) -> None:
        while self._scope is not None:
            with self._spare.seat(self._scope, needed=self._needed) as self._seat, self._scope:
                await self._do()
                self._finished = True
            gave_way = self._seat.gave_way and not self._finished and not self._stopped
            self._seat = None
            # Needed since it gave way: from the beginning, as nobody else will do it.
            self._scope = anyio.CancelScope() if gave_way and self._needed else None
        if self._finished and not self._stopped and self._done is not None:
            self._done()
