"""The five verbs that every kind of session has, and the ends that every session comes to.

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
from antiphon.core.signals import ConnectionOver, FrameRefused, Signal
from antiphon.errors import RequestError
from antiphon.wire.audio_config import AudioInput
from antiphon.wire.error import ErrorObject
from antiphon.wire.server_events import ErrorEvent
from antiphon.wire.session import Session
from antiphon.wire.translation import TranslationSession

__all__ = ["SESSION_LIFETIME_S", "Verbs", "expiry_message", "idle_message"]

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
        now: When the session begins.
        lifetime_s: How long it lasts at most.
        idle_s: How long it lasts while nothing happens in it; ``None`` for as long as any.
    """

    def __init__(
        self, outgoing: Outgoing, now: float, *, lifetime_s: float, idle_s: float | None
    ) -> None:
        self._outgoing = outgoing
        self._lifetime_s = lifetime_s
        self._idle_s = idle_s
        self._expires_at: float | None = now + lifetime_s
        self._active_at = now  # when something has happened last
        # When to look whether nothing has since. Not moved by each frame of audio: that would set
        # the session's timer anew fifty times a second.
        self._look_at = None if idle_s is None else now + idle_s

    @property
    def dropped_signals(self) -> int:
        """How many signals came for what had ended already."""
        return 0

    def receive(self, event: EventT, now: float) -> None:
        """Take an event from the client. Appended audio comes by way of the ring instead.

        A refusal becomes an ``error`` event that names the client's event, and changes nothing:
        everything that handles an event first checks, then acts.
        """
        self.tick(now)
        if self._expires_at is None:
            return
        self._active_at = now
        try:
            self._dispatch(event, now)
        except RequestError as error:
            self._refuse(error, event)

    def feed(self, signal: Signal, now: float) -> None:
        """Take news from the runtime."""
        self.tick(now)
        if self._expires_at is None:
            return
        self._active_at = now
        match signal:
            case FrameRefused(error=error):
                self._send_error(ErrorObject.of(error))
            case ConnectionOver():
                self._stop_everything(now)
                self._expires_at = None
            case _:
                self._take(signal, now)

    def tick(self, now: float) -> None:
        """Do what is due. Ticking too early does nothing."""
        if self._expires_at is None:
            return
        if now >= self._expires_at:
            self._expire(now)
        elif self._idle_s is not None and self._is_idle(now, self._idle_s):
            self._stop_everything(now)
            self._end(1001, idle_message(self._idle_s))
        else:
            self._do_due(now)

    def deadline(self) -> float | None:
        """Return when :meth:`tick` is due; ``None`` if nothing is."""
        if self._expires_at is None or self._look_at is None:
            return self._expires_at
        return min(self._expires_at, self._look_at)

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

    @property
    def _busy(self) -> bool:
        """Whether something is worked out, of which news may be long in coming."""
        return False

    @abstractmethod
    def _stop_everything(self, now: float) -> None:
        """End all work: the session is over."""

    def _refuse(self, error: RequestError, event: EventT) -> None:
        refusal = replace(ErrorObject.of(error), event_id=event.event_id or None)
        self._send_error(refusal)

    def _send_error(self, error: ErrorObject) -> None:
        self._outgoing.send(ErrorEvent(event_id=self._outgoing.event_id(), error=error))

    def _is_idle(self, now: float, idle_s: float) -> bool:
        """Whether nothing has happened for so long that the session ends."""
        if self._look_at is None or now < self._look_at:
            return False
        if self._busy:
            self._active_at = now
        self._look_at = self._active_at + idle_s
        return now >= self._look_at

    def _expire(self, now: float) -> None:
        message = expiry_message(self._lifetime_s)
        self._stop_everything(now)
        self._send_error(ErrorObject.of(RequestError(message, code="session_expired")))
        self._end(1001, message)

    def _end(self, code: int, reason: str) -> None:
        """Have the connection closed, and do nothing from now on."""
        self._outgoing.do(CloseConnection(code, reason))
        self._expires_at = None


def expiry_message(lifetime_s: float) -> str:
    """Return what clients are told when a session has lasted as long as it may.

    As the hosted service words it, in minutes; a short time is told in seconds.
    """
    minutes = lifetime_s / 60
    words = f"{minutes:.0f} minutes" if minutes >= 2 else f"{lifetime_s:g} seconds"
    return f"Your session hit the maximum duration of {words}."


def idle_message(idle_s: float) -> str:
    """Return what clients are told when nothing has happened in a session for too long."""
    return f"Nothing has happened in the session for {idle_s:g} seconds."
