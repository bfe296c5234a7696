"""The sessions that are open, for those who run the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from antiphon.errors import RequestError
from antiphon.runtime.hosts import CloseReason, SessionHost
from antiphon.runtime.observers import OpenedSession, SessionObserver

__all__ = ["LiveSession", "LiveSessions"]


class LiveSession(NamedTuple):
    """A session that is open.

    Attributes:
        opened: What was known of it when it began.
        host: Its owner.
    """

    opened: OpenedSession
    host: SessionHost


class LiveSessions:
    """All that are open, oldest first; an :class:`~antiphon.runtime.observers.Observer`."""

    def __init__(self) -> None:
        self._sessions: dict[str, LiveSession] = {}

    def __iter__(self) -> Iterator[LiveSession]:
        return iter(tuple(self._sessions.values()))

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, session_id: str) -> LiveSession:
        """Return a session that is open.

        Raises:
            RequestError: ``session_not_found``.
        """
        found = self._sessions.get(session_id)
        if found is None:
            message = f"There is no open session '{session_id}'. It may have ended."
            raise RequestError(message, code="session_not_found", param="session_id")
        return found

    def open(self, session: OpenedSession, host: SessionHost) -> _Listed:
        """List a session until it is over."""
        self._sessions[session.id] = LiveSession(session, host)
        return _Listed(self._sessions, session.id)


class _Listed(SessionObserver):
    """Takes a session off the list when it is over."""

    __slots__ = ("_session_id", "_sessions")

    def __init__(self, sessions: dict[str, LiveSession], session_id: str) -> None:
        self._sessions = sessions
        self._session_id = session_id

    def close(self, reason: CloseReason | None) -> None:  # noqa: ARG002 (whatever it was)
        del self._sessions[self._session_id]
