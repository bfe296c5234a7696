"""Who is told of what happens in sessions: the store, metrics, traces, the console.

Observers are told after the client is, on the event loop. They keep what they want to know and do
what takes time elsewhere: nothing that they do can delay an event, and no mistake of theirs ends a
session.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from antiphon.engines.base import Floats
from antiphon.observe import Timeline
from antiphon.runtime.hosts import CloseReason, SessionHost
from antiphon.runtime.openings import Opening
from antiphon.wire.audio_config import AudioFormat
from antiphon.wire.items import Item
from antiphon.wire.response import RealtimeResponse
from antiphon.wire.server_events import ServerEvent
from antiphon.wire.translation import TranslationServerEvent

__all__ = [
    "EndedResponse",
    "Observer",
    "Observers",
    "OpenedSession",
    "SessionObserver",
    "Transport",
    "Watch",
    "opened_session",
]

_log = logging.getLogger(__name__)

Transport = Literal["websocket", "webrtc"]
"""How a client is connected."""


class OpenedSession(Struct, frozen=True, kw_only=True):
    """What is known of a session when it begins.

    Attributes:
        id: As the client knows it.
        conversation_id: The conversation that its responses write to; ``None`` where there is none.
        kind: What it is for.
        model: The name that the client asked for.
        key_name: What the API key is called that it was opened with; ``None`` where none is needed.
        transport: How the client is connected.
        opened_at_s: When it began, in seconds since 1970.
    """

    id: str
    conversation_id: str | None
    kind: Literal["realtime", "transcription", "translation"]
    model: str
    key_name: str | None
    transport: Transport
    opened_at_s: float


def opened_session(
    opening: Opening, session_id: str, transport: Transport, *, conversation_id: str | None = None
) -> OpenedSession:
    """Return what is known of a session that begins now, for what its client connected for."""
    return OpenedSession(
        id=session_id,
        conversation_id=conversation_id,
        kind=opening.kind,
        model=opening.model,
        key_name=opening.key_name,
        transport=transport,
        opened_at_s=time.time(),
    )


class EndedResponse(NamedTuple):
    """A response that has ended.

    Attributes:
        response: As sent in ``response.done``.
        timeline: Where its time went; complete.
        own_input: What it answered in the place of the conversation, without audio and images;
            ``None`` if it answered that, or nobody knows.
    """

    response: RealtimeResponse
    timeline: Timeline
    own_input: tuple[Item, ...] | None = None


class SessionObserver:
    """Is told of one session, in the order in which things happen. Override what matters."""

    __slots__ = ()

    def send(self, event: ServerEvent | TranslationServerEvent) -> None:
        """Be told of an event that goes to the client, or would if it had not gone.

        Audio does not come this way.
        """

    def change(self, item: Item) -> None:
        """Be told of an item that has changed otherwise than the client is told.

        It has its words, though the client did not ask for them; or less words than before, since
        not all were heard.
        """

    def hear(self, item_id: str, audio: Floats) -> None:
        """Be told what the user said, when it has become an item.

        Args:
            item_id: The item.
            audio: Shape (n,), float32 at 16 kHz; not to be written to.
        """

    def speak(self, item_id: str, pcm: bytes, audio_format: AudioFormat) -> None:
        """Be told what the assistant says, piece by piece, in the session's output format."""

    def end_response(self, ended: EndedResponse) -> None:
        """Be told of a response that has ended."""

    def close(self, reason: CloseReason | None) -> None:
        """Be told that the session is over; with ``None`` the client has gone. Nothing follows."""


class Observer(Protocol):
    """Is told of all sessions of a server."""

    def open(self, session: OpenedSession, host: SessionHost) -> SessionObserver | None:
        """A session begins; return who is to be told of it, if anybody.

        Args:
            session: The session.
            host: Its owner, who may not be ready for anything before this call returns.
        """
        ...


class Observers:
    """All who are told.

    Args:
        observers: In the order in which they are told.
    """

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = list(observers)

    def add(self, observer: Observer) -> None:
        """Have one more told, of the sessions that begin from now on."""
        self._observers.append(observer)

    def open(self, session: OpenedSession, host: SessionHost) -> Watch:
        """Tell that a session begins; return what tells of it."""
        told = []
        for observer in self._observers:
            try:
                told.append(observer.open(session, host))
            except Exception:
                _log.exception("%s: an observer made a mistake and is left out", session.id)
        return Watch(session, tuple(one for one in told if one is not None))


class Watch:
    """Tells the observers of one session. See :class:`SessionObserver`.

    Attributes:
        session: The session.
    """

    def __init__(self, session: OpenedSession, told: tuple[SessionObserver, ...] = ()) -> None:
        self.session = session
        self._told = told
        self._told_of_events = _who_override(told, "send")  # this happens for every token
        self._told_of_speech = _who_override(told, "speak")

    @property
    def listens(self) -> bool:
        """Whether anybody wants to be told what the assistant says."""
        return bool(self._told_of_speech)

    def send(self, event: ServerEvent | TranslationServerEvent) -> None:
        """Tell of an event that goes to the client."""
        for one in self._told_of_events:
            self._tell(one, one.send, event)

    def change(self, item: Item) -> None:
        """Tell of an item that has changed."""
        for one in self._told:
            self._tell(one, one.change, item)

    def hear(self, item_id: str, audio: Floats) -> None:
        """Tell what the user said."""
        for one in self._told:
            self._tell(one, one.hear, item_id, audio)

    def speak(self, item_id: str, pcm: bytes, audio_format: AudioFormat) -> None:
        """Tell what the assistant says."""
        for one in self._told_of_speech:
            self._tell(one, one.speak, item_id, pcm, audio_format)

    def end_response(self, ended: EndedResponse) -> None:
        """Tell that a response has ended."""
        for one in self._told:
            self._tell(one, one.end_response, ended)

    def close(self, reason: CloseReason | None) -> None:
        """Tell that the session is over, once."""
        told = self._told
        self._told = self._told_of_events = self._told_of_speech = ()
        for one in told:
            self._tell(one, one.close, reason)

    def _tell(self, observer: SessionObserver, tell: Callable[..., None], *what: object) -> None:
        try:
            tell(*what)
        except Exception:
            _log.exception("%s: an observer made a mistake and is left out", self.session.id)
            self._told = tuple(one for one in self._told if one is not observer)
            self._told_of_events = _who_override(self._told, "send")
            self._told_of_speech = _who_override(self._told, "speak")


def _who_override(told: tuple[SessionObserver, ...], what: str) -> tuple[SessionObserver, ...]:
    """Return those who want to be told of something."""
    ignored = getattr(SessionObserver, what)
    return tuple(one for one in told if getattr(type(one), what) is not ignored)
