"""The sessions of a server that outlive their connections, and who may come back to them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager

import anyio
from anyio.abc import TaskGroup, TaskStatus

from antiphon.core.entropy import Entropy
from antiphon.errors import RequestError
from antiphon.runtime.hosts import SERVER_ENDS, SERVER_FAILED, SessionHost
from antiphon.runtime.openings import Opening
from antiphon.runtime.resumption import RESUME_WITHIN_S, ResumableSession

__all__ = ["Resumptions"]

_log = logging.getLogger(__name__)


class Resumptions:
    """The sessions of a server that outlive their connections.

    Args:
        admit: Opens a session; given what its client connects for, and what is to run its work.
        place: Takes up the room of a session; given what its client's API key is called.
        entropy: Makes ids.
    """

    def __init__(
        self,
        admit: Callable[[Opening, TaskGroup], SessionHost],
        place: Callable[[str | None], AbstractContextManager[None]],
        entropy: Entropy,
    ) -> None:
        self._admit = admit
        self._place = place
        self._entropy = entropy
        self._sessions: list[ResumableSession] = []
        self._tasks: TaskGroup | None = None

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep sessions as long as the context is open; then end those there are."""
        async with anyio.create_task_group() as self._tasks:
            try:
                yield
            finally:
                self._tasks.cancel_scope.cancel()

    async def begin(self, opening: Opening) -> ResumableSession:
        """Begin a session, which goes on by itself, in a place that was taken for it.

        Args:
            opening: What the client connects for.
        """
        assert self._tasks is not None, "no sessions are kept yet"

        async def run(*, task_status: TaskStatus[ResumableSession]) -> None:
            with self._place(opening.key_name):
                await self._run(opening, task_status)

        begun: ResumableSession = await self._tasks.start(run)
        return begun

    def find(self, session_id: str, key_name: str | None, token: str) -> ResumableSession:
        """Return the session that a client wants to resume.

        Args:
            session_id: Its id.
            key_name: What the client's API key is called, which has to be the one with which the
                session was opened; ``None`` where none is needed.
            token: A good one.

        Raises:
            RequestError: ``session_not_found``, whatever of this is wrong.
        """
        for session in self._sessions:
            theirs = session.host.session_id, session.opening.key_name
            if theirs == (session_id, key_name) and session.matches(token):
                return session
        message = (
            f"There is no session '{session_id}' that could be resumed with this key and token. "
            f"It may have ended: it lasts {RESUME_WITHIN_S:g} seconds without a connection."
        )
        raise RequestError(message, code="session_not_found", param="resume")

    async def _run(self, opening: Opening, status: TaskStatus[ResumableSession]) -> None:
        """Keep a session until it is over. A mistake ends it, and nothing else."""
        session: ResumableSession | None = None
        reason = SERVER_ENDS
        try:
            async with anyio.create_task_group() as tasks:
                session = ResumableSession(
                    self._admit(opening, tasks), opening, self._entropy, tasks
                )
                self._sessions.append(session)
                status.started(session)
                await session.last()
                tasks.cancel_scope.cancel()
        except* Exception:
            if session is None:
                raise  # whoever begins it is told
            _log.exception("A session was ended by a mistake of Antiphon or of an engine")
            reason = SERVER_FAILED
        finally:
            if session is not None:
                self._sessions.remove(session)
                session.close(reason)
