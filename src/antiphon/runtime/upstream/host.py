"""The owner of a session that a service behind this server holds: passes its frames on.

What clients send is checked first, so that nothing reaches the service that this server would not
take itself. What the service sends is the affair of :mod:`antiphon.runtime.upstream.events`.

Both directions are bounded by an :class:`~antiphon.runtime.outbox.Outbox`: a client that reads
slowly is not read ahead of, and a service that reads slowly holds the client back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import anyio
import msgspec
from anyio.abc import TaskGroup
from msgspec import UNSET
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from antiphon.core.entropy import Entropy
from antiphon.core.signals import Failure
from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.engines.base import Floats
from antiphon.errors import EngineError, RequestError
from antiphon.logs import quoted
from antiphon.observe import TimelineLog
from antiphon.runtime.hosts import CLIENT_TOO_SLOW, CloseReason, SessionHost, flush_timeout_s
from antiphon.runtime.observers import Watch
from antiphon.runtime.outbox import (
    HARD_BOUND_BYTES,
    SOFT_BOUND_BYTES,
    Outbox,
    OutboxOverflow,
)
from antiphon.runtime.playback import Player, refuse_append
from antiphon.runtime.rate_limits import ModelAccount
from antiphon.runtime.upstream.call import RelayedCall, in_format_of_calls
from antiphon.runtime.upstream.events import OWN_EVENT, UpstreamEvents
from antiphon.runtime.upstream.lasting import Lasting
from antiphon.runtime.upstream.link import RelayedKind, Upstream, open_link, patience
from antiphon.runtime.upstream.opening import OpenedUpstream, open_session
from antiphon.runtime.upstream.watched import RelayedWatch
from antiphon.wire.client_events import (
    ConversationItemTruncate,
    InputAudioBufferAppend,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from antiphon.wire.codec import decode_client_event, encode
from antiphon.wire.error import ErrorObject
from antiphon.wire.server_events import ErrorEvent
from antiphon.wire.session import RealtimeSessionUpdate, SessionPatch

__all__ = ["RelayStart", "UpstreamHost"]

_log = logging.getLogger(__name__)

_POLICY_CLOSE = 4000  # recorded: refusals of policy or shape close with 4000 and "<type>.<code>"
_FAILED_CLOSE = 1011
_PASSED_ON_CLOSES = frozenset({1000, 1001})
"""Codes with which a service ends a session in order: as asked, and since its time is up."""

_FIXED_BYTES = 100
"""About what it takes to hold anything, beside its characters."""

_MESSAGES = {
    "server_overloaded": "The service that answers is full. Try again later.",
    "upstream_unavailable": "The service that answers cannot be reached. Try again later.",
    "upstream_lost": "The connection to the service that answers was lost. Connect again.",
}
"""What clients are told. What is wrong exactly is in the log, since it names the service."""

_LOST = Failure("generate", "upstream_lost", _MESSAGES["upstream_lost"])


class RelayStart(NamedTuple):
    """What a relayed session begins with.

    Attributes:
        kind: What it is for.
        model: The name that the client asked for.
        patches: Settings over those of the service, in order; they name no model.
        lifetime_s: How long it lasts at most.
        idle_s: How long it lasts while nothing happens in it; ``None`` for as long as any.
    """

    kind: RelayedKind
    model: str
    patches: tuple[SessionPatch, ...] = ()
    lifetime_s: float = SESSION_LIFETIME_S
    idle_s: float | None = None


class UpstreamHost:
    """Relays one session; a :class:`~antiphon.runtime.hosts.SessionHost`.

    Args:
        upstream: The service that holds it.
        start: What it begins with.
        account: What the client's key may use.
        timelines: Keeps where the time of each response went.
        entropy: Makes ids for what the service does not say.
        tasks: Runs the relay; must end when the client's connection does.
        play: Sends a frame of what is to be heard at once, where the session is held as a call;
            ``None`` where the client plays.
        observe: Begins to tell observers of the session, by the id that the service gives it.

    Attributes:
        outbox: What the transport is to send.
        closing: Set once the connection is to be closed after what is in the outbox.
        session_id: One of this server's until the service has said its own.
    """

    def __init__(
        self,
        upstream: Upstream,
        start: RelayStart,
        *,
        account: ModelAccount,
        timelines: TimelineLog,
        entropy: Entropy,
        tasks: TaskGroup,
        observe: Callable[[str, SessionHost], Watch],
        play: Callable[[bytes], object] | None = None,
    ) -> None:
        self.outbox = Outbox()
        self.closing: CloseReason | None = None
        self.session_id = entropy.identifier("sess")
        self._upstream = upstream
        self._start = start
        self._entropy = entropy
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._upward = Outbox()
        self._call = (
            RelayedCall(play, entropy=entropy, send=self._put, truncate=self._truncate)
            if play is not None
            else None
        )
        self._lasting = Lasting(
            start.lifetime_s,
            start.idle_s,
            expire=self._expire,
            end=lambda message: self._close(1001, message),
        )
        self._watch = RelayedWatch(lambda session_id: observe(session_id, self))
        self._events = UpstreamEvents(
            start.model,
            upstream.without_key,
            account=account,
            timelines=timelines,
            entropy=entropy,
            send=self._put,
            cancel=self._cancel,
            call=self._call,
            watch=self._watch,
        )
        self._opened = anyio.Event()
        self._early: list[str | bytes | RequestError] = []  # what came before the session began
        self._early_bytes = 0
        tasks.start_soon(self._run)

    @property
    def player(self) -> Player | None:
        """Plays the answers, where the session is held as a call."""
        return self._call.player if self._call is not None else None

    # --- from the client --------------------------------------------------------------------------

    def receive(self, frame: str | bytes) -> None:
        """Take one frame from the client."""
        if self.closing is not None:
            return
        self._lasting.touch()
        if self._opened.is_set():
            self._accept(frame)
        else:
            self._hold(frame, len(frame))

    def listen(self, samples: Floats) -> None:
        """Hear what came as sound. Nobody hears it before the session has begun.

        Args:
            samples: Shape (n,), float32 at 16 kHz.
        """
        assert self._call is not None, "only in calls sound comes by itself"
        if self.closing is None and self._opened.is_set():
            self._lasting.touch()
            self._pass_up(encode(InputAudioBufferAppend(audio=self._call.heard(samples))))

    def refuse(self, error: RequestError) -> None:
        """Tell the client that a frame cannot be taken at all."""
        if self.closing is not None:
            return
        if self._opened.is_set():
            self._send_error(error)
        else:  # session.created is the first event, whatever happens
            self._hold(error, len(error.message))

    async def ready(self) -> None:
        """Wait while more has come from the client than the service has read."""
        if self._early_bytes > SOFT_BOUND_BYTES:
            await self._opened.wait()
        await self._upward.room()

    def end(self, reason: CloseReason) -> None:
        """Close the connection after what is in the outbox: the operator wants it."""
        self._close(*reason)

    def close(self) -> None:
        """Take no more to send; the task group's owner ends the relay."""
        self._lasting.close()
        self.outbox.close()
        self._upward.close()
        if self._call is not None:
            self._call.player.close()
        self._events.leave_open_responses()
        self._watch.close(self.closing)

    def _hold(self, early: str | bytes | RequestError, size_bytes: int) -> None:
        self._early.append(early)
        self._early_bytes += size_bytes + _FIXED_BYTES
        if self._early_bytes > HARD_BOUND_BYTES:  # in calls, nothing holds back who writes
            self._fail("upstream_unavailable")

    def _accept(self, frame: str | bytes) -> None:
        try:
            event = decode_client_event(frame)
            if self._call is not None:
                if isinstance(event, InputAudioBufferAppend):
                    refuse_append(event)
                told, event = event, in_format_of_calls(event)
                frame = frame if event == told else encode(event)
        except RequestError as error:
            self._send_error(error)
            return
        match event:
            case OutputAudioBufferClear() if self._call is not None:
                self._call.clear()
                return
            case ResponseCreate(response=params) if self._events.fails_at_limit(params):
                return
            case SessionUpdate(session=RealtimeSessionUpdate(model=str()) as patch):
                # It changes nothing anywhere, but the service may not know the name.
                frame = encode(replace(event, session=replace(patch, model=UNSET)))
        self._pass_up(frame.encode() if isinstance(frame, str) else frame)

    def _cancel(self, response_id: str) -> None:
        cancel = ResponseCancel(event_id=f"{OWN_EVENT}cancel", response_id=response_id)
        self._pass_up(encode(cancel))

    def _truncate(self, truncate: ConversationItemTruncate) -> None:
        self._pass_up(encode(replace(truncate, event_id=f"{OWN_EVENT}truncate")))

    def _pass_up(self, frame: bytes) -> None:
        try:
            self._upward.put(frame)
        except OutboxOverflow as overflow:  # in calls, nothing holds back who speaks or writes
            _log.warning("%s: the service does not read: %s", self.session_id, overflow)
            self._lose()

    # --- the relay --------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._connect_and_relay()
        except EngineError as error:
            _log.warning("%s: %s", self.session_id, error.message)
            self._fail(error.code)
        except RequestError as error:
            told = quoted(error.message)
            _log.warning("%s: the service refuses its settings: %s", self.session_id, told)
            self._send_error(error)
            self._close(_POLICY_CLOSE, f"{error.type}.{error.code}")
        except ConnectionClosed as end:
            self._end(end)
        except TimeoutError:
            told = f"has sent nothing of an answer for {self._upstream.stall_s:g} s"
            _log.warning("%s: %s %s", self.session_id, self._upstream.host, told)
            self._lose()
        except msgspec.DecodeError as error:
            _log.warning("%s: the service sent what is no event: %s", self.session_id, error)
            self._lose()

    async def _connect_and_relay(self) -> None:
        async with open_link(self._upstream, self._start.kind, self._start.model) as socket:
            with patience(self._upstream):
                opened = await open_session(
                    socket, self._upstream, self._start.patches, as_call=self._call is not None
                )
            self._begin(opened)
            self._upward.write_by(partial(self._tasks.start_soon, self._write, socket))
            for frame in opened.beside:
                self._events.take(frame)
            while self.closing is None:
                await self.outbox.room()
                # Only here: while the client reads slowly, nothing of the service is waited for.
                with anyio.fail_after(self._upstream.stall_s if self._events.answering else None):
                    frame = await socket.recv(decode=False)
                self._events.take(frame)
                self._lasting.touch()

    def _begin(self, opened: OpenedUpstream) -> None:
        """Tell the client that the session is open, and take what it has sent already."""
        opened_as = opened.session.get("id", self.session_id)
        _log.info("%s: relayed to %s as %s", self.session_id, self._upstream.host, opened_as)
        self.session_id = opened_as
        self._watch.begin(opened_as)
        created = {
            "type": "session.created",
            "event_id": opened.created.event_id,
            "session": opened.session,
        }
        self._events.take(encode(created))
        self._opened.set()
        for early in self._early:
            if isinstance(early, RequestError):
                self._send_error(early)
            else:
                self._accept(early)
        self._early.clear()
        self._early_bytes = 0

    async def _write(self, socket: ClientConnection) -> None:
        """Send the service what the client has sent."""
        try:
            while (frame := await self._upward.get()) is not None:
                await socket.send(frame, text=True)
        except ConnectionClosed:
            pass  # whoever reads from it is told why

    # --- the end ----------------------------------------------------------------------------------

    def _end(self, end: ConnectionClosed) -> None:
        """End the session, since the service has."""
        code = end.rcvd.code if end.rcvd else None
        if end.rcvd is None or code not in _PASSED_ON_CLOSES:
            told = self._upstream.without_key(str(end))
            _log.warning("%s: %s is lost: %s", self.session_id, self._upstream.host, told)
            self._lose()
            return
        self._events.fail_open_responses(_LOST)
        self._close(end.rcvd.code, self._upstream.without_key(end.rcvd.reason))

    def _lose(self) -> None:
        self._events.fail_open_responses(_LOST)
        self._fail(_LOST.code)

    def _fail(self, code: str) -> None:
        message = _MESSAGES[code]
        self._send_error(RequestError(message, code=code, type="server_error"))
        self._close(_FAILED_CLOSE, message)

    def _send_error(self, error: RequestError) -> None:
        event_id = self._entropy.identifier("event")
        self._put(encode(ErrorEvent(event_id=event_id, error=ErrorObject.of(error))))

    def _put(self, frame: bytes) -> None:
        try:
            self.outbox.put(frame)
        except OutboxOverflow as overflow:
            _log.warning("%s: closing, since %s", self.session_id, overflow)
            self.outbox.discard()  # it would only keep the reason from getting through
            self._close(*CLIENT_TOO_SLOW)

    def _expire(self, message: str) -> None:
        self._send_error(RequestError(message, code="session_expired"))
        self._close(1001, message)

    def _close(self, code: int, reason: str) -> None:
        if self.closing is not None:
            return
        self.closing = (code, reason)
        self.close()
        # A client that has stopped reading would never take the reason, and its session never end.
        self._tasks.cancel_scope.deadline = self._loop.time() + flush_timeout_s(code)
