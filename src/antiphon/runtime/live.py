"""The sessions that are open, for those who run the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from antiphon.errors import BusyError, RequestError
from antiphon.runtime.hosts import CloseReason, SessionHost
from antiphon.runtime.listening_in import Listening
from antiphon.runtime.observers import EndedResponse, OpenedSession, SessionObserver
from antiphon.wire.codec import encode
from antiphon.wire.server_events import (
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    OutputAudioBufferCleared,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
    ResponseCreated,
    ServerEvent,
    SessionUpdated,
)
from antiphon.wire.translation import TranslationServerEvent

__all__ = ["MAX_LISTENING", "LiveSession", "LiveSessions"]

MAX_LISTENING = 8
"""Who may listen in at once, to all sessions together."""

_RETRY_AFTER_S = 5

_PLAYBACK = (OutputAudioBufferStarted, OutputAudioBufferStopped, OutputAudioBufferCleared)

_TURN_ENDS = (InputAudioBufferSpeechStopped, InputAudioBufferCommitted, InputAudioBufferCleared)
"""Clients may end a turn by themselves; then no ``speech_stopped`` follows."""


class LiveSession(SessionObserver):
    """A session that is open.

    Args:
        opened: What was known of it when it began.
        host: Its owner.
        sessions: Those that are open, from which it takes itself at the end.

    Attributes:
        opened: What was known of it when it began.
        host: Its owner.
        responses: How many of its responses have ended.
        speaking: Whether its user speaks, as far as turns are detected.
        listening: Who listens in.
    """

    __slots__ = (
        *("_playing", "_running", "_sessions"),
        *("host", "listening", "opened", "responses", "speaking"),
    )

    def __init__(
        self, opened: OpenedSession, host: SessionHost, sessions: dict[LiveSession, None]
    ) -> None:
        self.opened = opened
        self.host = host
        self.responses = 0
        self.speaking = False
        self.listening: tuple[Listening, ...] = ()
        self._sessions = sessions
        self._running = 0  # responses
        self._playing = False

    @property
    def quiet(self) -> bool:
        """Whether nobody speaks, no response is under way or waits to be read.

        A translation is never known to be: its events do not say where it pauses.
        """
        is_told = self.opened.kind != "translation"
        goes_on = self.speaking or self._running or self._playing or self.host.outbox.held_bytes
        return is_told and not goes_on

    def send(self, event: ServerEvent | TranslationServerEvent) -> None:
        """Note who speaks, and pass the event on to those who listen in."""
        kind = type(event)
        if kind is InputAudioBufferSpeechStarted:
            self.speaking = True
        elif kind in _TURN_ENDS or (isinstance(event, SessionUpdated) and _hears_no_turns(event)):
            self.speaking = False
        elif kind is ResponseCreated:
            self._running += 1
        elif kind in _PLAYBACK:
            self._playing = kind is OutputAudioBufferStarted
        if self.listening:
            data = encode(event)
            for one in self.listening:
                one.put(str(event.__struct_config__.tag), data)

    def end_response(self, ended: EndedResponse) -> None:  # noqa: ARG002 (whatever came of it)
        """Count a response."""
        self.responses += 1
        self._running -= 1

    def close(self, reason: CloseReason | None) -> None:  # noqa: ARG002 (whatever it was)
        """Take the session off the list."""
        del self._sessions[self]
        for one in self.listening:
            one.end()


class LiveSessions:
    """All that are open, oldest first; an :class:`~antiphon.runtime.observers.Observer`."""

    def __init__(self) -> None:
        # Not by their ids: two services, or one that is careless, may give the same to two.
        self._sessions: dict[LiveSession, None] = {}

    def __iter__(self) -> Iterator[LiveSession]:
        return iter(tuple(self._sessions))

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, session_id: str) -> LiveSession:
        """Return a session that is open; the oldest, if several have the id.

        Raises:
            RequestError: ``session_not_found``.
        """
        found = next((one for one in self if one.opened.id == session_id), None)
        if found is None:
            message = f"There is no open session '{session_id}'. It may have ended."
            raise RequestError(message, code="session_not_found", param="session_id")
        return found

    def open(self, session: OpenedSession, host: SessionHost) -> LiveSession:
        """List a session until it is over."""
        live = LiveSession(session, host, self._sessions)
        self._sessions[live] = None
        return live

    @contextmanager
    def listening(self, session_id: str) -> Iterator[Listening]:
        """Listen in to a session from now on, as long as the context is open.

        Raises:
            RequestError: ``session_not_found``.
            BusyError: ``too_many_connections``.
        """
        session = self.find(session_id)
        if sum(len(one.listening) for one in self._sessions) >= MAX_LISTENING:
            message = (
                f"{MAX_LISTENING} connections listen in to sessions, and there may be no more. "
                "Close one of them."
            )
            raise BusyError(
                message,
                code="too_many_connections",
                type="invalid_request_error",
                retry_after_s=_RETRY_AFTER_S,
            )
        listening = Listening()
        session.listening += (listening,)
        try:
            yield listening
        finally:
            session.listening = tuple(one for one in session.listening if one is not listening)


def _hears_no_turns(event: SessionUpdated) -> bool:
    """Whether a session has detection switched off, which drops the turn that is under way."""
    return event.session.audio.input.turn_detection is None
