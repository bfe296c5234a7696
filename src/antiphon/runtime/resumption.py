"""Sessions that outlive their connections, for clients that ask for it.

Such a session has a task of its own, and its client is connected to it by a :class:`Line`. When
the line breaks the session goes on. What it has to say waits in its outbox, whose bounds make it
wait as they do for a slow client; what was sent and may not have arrived is kept
(:class:`~antiphon.runtime.sent_log.SentLog`). A client that comes back in time gets a new line, and
on it everything after the last event that it has seen.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable

import anyio
import msgspec
from anyio.abc import TaskGroup
from msgspec import Struct

from antiphon.core.entropy import Entropy
from antiphon.errors import RequestError
from antiphon.runtime.hosts import SERVER_FAILED, CloseReason, SessionHost, flush_timeout_s
from antiphon.runtime.openings import Opening
from antiphon.runtime.outbox import Outbox
from antiphon.runtime.sent_log import SentLog
from antiphon.wire.codec import encode
from antiphon.wire.resuming import ResumeGrant, SessionResumed

__all__ = ["RESUME_WITHIN_S", "Line", "ResumableSession"]

_log = logging.getLogger(__name__)

RESUME_WITHIN_S = 30.0
"""How long a session lasts without a connection."""

_AHEAD_BYTES = 64 << 10
"""How much is taken out of the session's outbox before the line has sent it: that is bounded by
the session's own outbox, which is the one that its answers wait for."""

_TOKEN_BYTES = 32


_RESUMED_ELSEWHERE: CloseReason = (4001, "The session was resumed by another connection.")
_LOST_TRACK: CloseReason = (4000, "The session was resumed after too much was missed.")


class _Head(Struct, frozen=True):
    """What is looked at of a frame."""

    type: str
    event_id: str = ""


_heads = msgspec.json.Decoder(_Head)


class _Tokens:
    """The secrets with which a session is resumed: one, but for a moment.

    A token that has opened a line stays good until the client has shown that it got the next one.
    Otherwise a line that breaks at once would leave it with none.
    """

    def __init__(self) -> None:
        self.newest = secrets.token_urlsafe(_TOKEN_BYTES)
        self._opener: str | None = None

    def match(self, token: str) -> bool:
        """Whether a token is good, in the same time whatever is wrong with it."""
        good = (self.newest, self._opener or self.newest)
        same = [hmac.compare_digest(token.encode(), one.encode()) for one in good]
        return any(same)

    def replace(self, opener: str) -> None:
        """Make the next one, since this one was used."""
        self._opener = opener
        self.newest = secrets.token_urlsafe(_TOKEN_BYTES)

    def confirm(self) -> None:
        """Let go of the one that was used: the client has the next."""
        self._opener = None


class Line:
    """A connection to a session that outlives it; a :class:`~antiphon.runtime.hosts.SessionHost`.

    Args:
        session: What it is connected to.
        connection: Cancelled when the connection has to end.

    Attributes:
        outbox: What the transport is to send.
        closing: Set once the connection is to be closed after what is in the outbox.
    """

    def __init__(self, session: ResumableSession, connection: anyio.CancelScope) -> None:
        self.outbox = Outbox(soft_bytes=_AHEAD_BYTES)
        self.closing: CloseReason | None = None
        self._session = session
        self._connection = connection

    @property
    def session_id(self) -> str:
        """Id of the session."""
        return self._session.host.session_id

    def receive(self, frame: str | bytes) -> None:
        """Take one frame from the client."""
        if self.closing is None:
            self._session.take(lambda host: host.receive(frame))

    def refuse(self, error: RequestError) -> None:
        """Tell the client that a frame cannot be taken at all."""
        if self.closing is None:
            self._session.take(lambda host: host.refuse(error))

    async def ready(self) -> None:
        """Wait until the session can take another frame."""
        await self._session.host.ready()

    def leave(self) -> None:
        """The client goes for good."""
        self._session.leave(self)

    def close(self) -> None:
        """Part from the session, which goes on for a while."""
        self._session.detach(self)
        self.outbox.close()

    def end(self, reason: CloseReason) -> None:
        """Close the connection after what is in the outbox."""
        if self.closing is None:
            self.closing = reason
            self.outbox.close()
            deadline = asyncio.get_running_loop().time() + flush_timeout_s(reason[0])
            self._connection.deadline = deadline


class ResumableSession:
    """A session that outlives its connections.

    Args:
        host: Its owner.
        opening: What the client connected for.
        entropy: Makes ids.
        tasks: Of the session.

    Attributes:
        host: Its owner.
        opening: What the client connected for.
    """

    def __init__(
        self, host: SessionHost, opening: Opening, entropy: Entropy, tasks: TaskGroup
    ) -> None:
        self.host = host
        self.opening = opening
        self._entropy = entropy
        self._sent = SentLog()
        self._tokens = _Tokens()
        self._received_events = 0
        self._line: Line | None = None
        self._line_came = anyio.Event()
        self._expiry: asyncio.TimerHandle | None = None
        self._all_taken = False  # nothing more will come from the host
        self._over = anyio.Event()
        host.outbox.write_by(lambda: tasks.start_soon(self._pass_on_all))

    def matches(self, token: str) -> bool:
        """Whether a client with this token may resume the session."""
        return not self._over.is_set() and self._tokens.match(token)

    def connect(self, connection: anyio.CancelScope) -> Line:
        """Return the first line.

        Args:
            connection: As :class:`Line` takes it.
        """
        line = Line(self, connection)
        self._set_line(line)
        return line

    def resume(self, token: str, last_event_id: str, connection: anyio.CancelScope) -> Line:
        """Return a new line, in place of the one there was.

        Args:
            token: A good one. It is of no use from now on.
            last_event_id: The last event that the client has got.
            connection: As :class:`Line` takes it.

        Raises:
            RequestError: ``resume_gap``; what followed is not all there any more. The session ends.
        """
        missed = self._sent.after(last_event_id)
        if missed is None:
            self._end_line(_LOST_TRACK)
            self._over.set()
            message = (
                f"What followed the event '{last_event_id}' is not known any more: the server "
                f"keeps the last {self._sent.held_bytes} bytes that it sent. The session has "
                "ended; open another one."
            )
            raise RequestError(message, code="resume_gap", param="last_event_id")
        self._end_line(_RESUMED_ELSEWHERE)
        self._tokens.replace(token)
        resumed = SessionResumed(
            event_id=self._entropy.identifier("event"),
            session_id=self.host.session_id,
            received_events=self._received_events,
            antiphon=self._grant(),
        )
        self._sent.mark(last_event_id, resumed.event_id)
        line = Line(self, connection)
        for frame in (encode(resumed), *missed):
            line.outbox.put(frame)
        self._set_line(line)
        return line

    def take(self, act: Callable[[SessionHost], None]) -> None:
        """Do with the owner what an event of the client asks for. A mistake ends the session."""
        self._received_events += 1
        self._tokens.confirm()
        try:
            act(self.host)
        except Exception:
            _log.exception("%s: ends by a mistake of Antiphon", self.host.session_id)
            self._end_line(SERVER_FAILED)
            self._over.set()

    def leave(self, line: Line) -> None:
        """End the session, unless its client is on another line by now."""
        if line is self._line:
            self._over.set()

    def detach(self, line: Line) -> None:
        """Go on without a line, for a while."""
        if line is not self._line:
            return
        self._line = None
        if self._all_taken and not line.outbox.held_bytes:
            self._over.set()
            return
        _log.info("%s: the connection is lost", self.host.session_id)
        self._expiry = asyncio.get_running_loop().call_later(RESUME_WITHIN_S, self._over.set)

    async def last(self) -> None:
        """Wait until the session is over, and end its work."""
        try:
            await self._over.wait()
        finally:
            self.host.close()

    def close(self, reason: CloseReason) -> None:
        """Close the connection: the session is over.

        Args:
            reason: What its client is told, unless the owner has a reason.
        """
        self._over.set()
        if self._expiry is not None:
            self._expiry.cancel()
        if self._line is not None:
            self._line.end(self.host.closing or reason)

    def _grant(self) -> ResumeGrant:
        return ResumeGrant(resume_token=self._tokens.newest, resume_within_s=RESUME_WITHIN_S)

    def _set_line(self, line: Line) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self._line = line
        self._line_came.set()
        self._line_came = anyio.Event()
        if self._all_taken:
            self._end_with_host()

    def _end_line(self, reason: CloseReason) -> None:
        """Close the connection there is, if there is one. What waits for it, waits elsewhere."""
        line, self._line = self._line, None
        if line is not None:
            line.outbox.discard()
            line.end(reason)

    def _end_with_host(self) -> None:
        if self.host.closing is None:
            self._over.set()
        elif self._line is not None:
            self._line.end(self.host.closing)

    async def _pass_on_all(self) -> None:
        """Take frames from the session as the client reads them; none while it is not there."""
        outbox = self.host.outbox
        while True:
            await self._room()
            frame = await outbox.get()
            if frame is None:
                break
            self._pass_on(frame)
        if outbox.closed:
            self._all_taken = True
            self._end_with_host()

    async def _room(self) -> None:
        while (line := self._line) is None or line.outbox.held_bytes > _AHEAD_BYTES:
            if line is None:
                await self._line_came.wait()
            else:
                await line.outbox.room()

    def _pass_on(self, frame: bytes) -> None:
        head = _heads.decode(frame)
        if head.type == "session.created":
            frame = frame[:-1] + b',"antiphon":' + encode(self._grant()) + b"}"
        self._sent.add(head.event_id, frame)
        if self._line is not None:
            self._line.outbox.put(frame)
