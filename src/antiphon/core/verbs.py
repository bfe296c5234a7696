"""The five verbs that every kind of session has, and the end that every session comes to.

::

    session.receive(event, now)     # from the client
    session.feed(signal, now)       # from the runtime
    session.tick(now)               # deadline() was reached
    session.deadline()              # when to tick, if nothing happens before
    session.drain()                 # what to do now

``now`` is any monotonic clock in seconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from msgspec import UnsetType
from msgspec.structs import replace

from antiphon.core.effects import CloseConnection, Effect
from antiphon.core.outgoing import Outgoing
from antiphon.core.signals import FrameRefused, Signal
from antiphon.errors import RequestError
from antiphon.wire.audio_config import AudioInput
from antiphon.wire.error import ErrorObject
from antiphon.wire.server_events import ErrorEvent
from antiphon.wire.session import Session
from antiphon.wire.translation import TranslationSession

__all__ = ["SESSION_LIFETIME_S", "Verbs"]

SESSION_LIFETIME_S = 3600.0
"""The hosted service ends a session after 60 minutes."""


class _ClientEvent(Protocol):
    @property
    def event_id(self) -> str | UnsetType | None: ...


EventT = TypeVar("EventT", bound=_ClientEvent)


class Verbs(ABC, Generic[EventT]):
    """What all sessions do alike: refuse without harm, keep time, expire.

    Args:
        outgoing: Collects the effects.
        expires_at: When the session ends, by the clock of ``now``.
        lifetime_s: How long it will have lasted then.
    """

    def __init__(self, outgoing: Outgoing, *, expires_at: float, lifetime_s: float) -> None:
        self._outgoing = outgoing
        self._expires_at: float | None = expires_at
        self._lifetime_s = lifetime_s

    def receive(self, event: EventT, now: float) -> None:
        """Take an event from the client. Appended audio comes by way of the ring instead.

        A refusal becomes an ``error`` event that names the client's event, and changes nothing:
        everything that handles an event first checks, then acts.
        """
        self.tick(now)
        if self._expires_at is None:
            return
        try:
            self._dispatch(event, now)
        except RequestError as error:
            self._refuse(error, event)

    def feed(self, signal: Signal, now: float) -> None:
        """Take news from the runtime."""
        self.tick(now)
        if self._expires_at is None:
            return
        if isinstance(signal, FrameRefused):
            self._send_error(ErrorObject.of(signal.error))
        else:
            self._take(signal, now)

    def tick(self, now: float) -> None:
        """Do what is due. Ticking too early does nothing."""
        if self._expires_at is None:
            return
        if now >= self._expires_at:
            self._expire(now)
        else:
            self._do_due(now)

    def deadline(self) -> float | None:
        """Return when :meth:`tick` is due; ``None`` if nothing is."""
        return self._expires_at

    def drain(self) -> list[Effect]:
        """Return what is to be done, in order, and forget it."""
        return self._outgoing.drain()

    @property
    @abstractmethod
    def settings(self) -> Session | TranslationSession:
        """The session's settings as they stand."""

    @property
    @abstractmethod
    def heard(self) -> AudioInput:
        """How the input audio is heard."""

    @abstractmethod
    def _dispatch(self, event: EventT, now: float) -> None:
        """Do what an event asks for.

        Raises:
            RequestError: It cannot be done, and nothing was.
        """

    @abstractmethod
    def _take(self, signal: Signal, now: float) -> None:
        """Take a signal."""

    def _do_due(self, now: float) -> None:
        """Do what is due before the session's end."""

    @abstractmethod
    def _stop_everything(self, now: float) -> None:
        """End all work: the session is over."""

    def _refuse(self, error: RequestError, event: EventT) -> None:
        refusal = replace(ErrorObject.of(error), event_id=event.event_id or None)
        self._send_error(refusal)

    def _send_error(self, error: ErrorObject) -> None:
        self._outgoing.send(ErrorEvent(event_id=self._outgoing.event_id(), error=error))

    def _expire(self, now: float) -> None:
        minutes = round(self._lifetime_s / 60)
        message = f"Your session hit the maximum duration of {minutes} minutes."
        self._stop_everything(now)
        self._send_error(ErrorObject.of(RequestError(message, code="session_expired")))
        self._end(1001, message)

    def _end(self, code: int, reason: str) -> None:
        """Have the connection closed, and do nothing from now on."""
        self._outgoing.do(CloseConnection(code, reason))
        self._expires_at = None
