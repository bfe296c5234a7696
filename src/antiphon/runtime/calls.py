"""Live calls: sessions whose client talks over a media transport, and who else has joined them.

A call lasts until its client hangs up or vanishes, somebody else hangs it up, or its session ends.
Other connections may be attached meanwhile. Each gets all events and may send any.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup, TaskStatus

from antiphon.errors import RequestError
from antiphon.runtime.hosts import CLIENT_TOO_SLOW, CLOSE_TIMEOUT_S, CloseReason, SessionHost
from antiphon.runtime.outbox import Outbox, OutboxOverflow

__all__ = ["MAX_LISTENERS", "Call", "Calls", "Listener"]

_log = logging.getLogger(__name__)

MAX_LISTENERS = 8
"""Connections attached to one call. Each is sent everything."""

_HUNG_UP: CloseReason = (1000, "The call has ended.")

_T = TypeVar("_T")


class Listener:
    """A connection attached to a call; a :class:`~antiphon.runtime.hosts.SessionHost`.

    Args:
        call: What it is attached to.
        tasks: Of the connection.

    Attributes:
        outbox: What the transport is to send.
        closing: Set once the connection is to be closed after what is in the outbox.
    """

    def __init__(self, call: Call, tasks: TaskGroup) -> None:
        self.outbox = Outbox()
        self.closing: CloseReason | None = None
        self._call = call
        self._tasks = tasks

    @property
    def session_id(self) -> str:
        """Id of the call's session."""
        return self._call.host.session_id

    def receive(self, frame: str | bytes) -> None:
        """Take one frame from the client, as if the caller had sent it."""
        if self.closing is None:
            self._call.host.receive(frame)

    def refuse(self, error: RequestError) -> None:
        """Tell everybody that a frame cannot be taken at all."""
        self._call.host.refuse(error)

    async def ready(self) -> None:
        """Wait until the call can take another frame."""
        await self._call.host.ready()

    def close(self) -> None:
        """Leave the call, which goes on."""
        self._call.detach(self)
        self.outbox.close()

    def pass_on(self, frame: bytes) -> None:
        """Send an event of the call. Who does not read it is left behind; the call goes on."""
        try:
            self.outbox.put(frame)
        except OutboxOverflow as overflow:
            _log.warning("%s: detaching a connection, since %s", self.session_id, overflow)
            self.outbox.discard()
            self.end(CLIENT_TOO_SLOW)

    def end(self, reason: CloseReason) -> None:
        """Close the connection after what is in the outbox."""
        self.closing = reason
        self.close()
        deadline = asyncio.get_running_loop().time() + CLOSE_TIMEOUT_S
        self._tasks.cancel_scope.deadline = deadline


class Call:
    """One call.

    Args:
        call_id: What clients know it by.
        key_name: What the API key is called that it was opened with; ``None`` where none is needed.
        host: The owner of its session.
        send: Sends an event to the caller. It does not wait.

    Attributes:
        id: What clients know it by.
        key_name: Who may hang it up and attach to it.
        host: The owner of its session.
    """

    def __init__(
        self,
        call_id: str,
        key_name: str | None,
        host: SessionHost,
        send: Callable[[bytes], object],
    ) -> None:
        self.id = call_id
        self.key_name = key_name
        self.host = host
        self._send = send
        self._listeners: list[Listener] = []
        self._over = anyio.Event()

    def hang_up(self, reason: str) -> None:
        """End the call, unless it is over already.

        Args:
            reason: For the log.
        """
        if not self._over.is_set():
            _log.info("%s: ends: %s", self.id, reason)
            self._over.set()

    def check_room(self) -> None:
        """Check that another connection can be attached.

        Raises:
            RequestError: ``too_many_connections``.
        """
        if len(self._listeners) >= MAX_LISTENERS:
            message = (
                f"{MAX_LISTENERS} connections are attached to the call '{self.id}', and there may "
                "be no more. Close one of them."
            )
            raise RequestError(message, code="too_many_connections", param="call_id")

    def attach(self, tasks: TaskGroup) -> Listener:
        """Attach a connection, which gets all events from now on.

        Args:
            tasks: Of the connection; cancelled a while after the call has ended.
        """
        listener = Listener(self, tasks)
        self._listeners.append(listener)
        return listener

    def detach(self, listener: Listener) -> None:
        """Send nothing more to a connection, if it is attached."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    async def last(self, tasks: TaskGroup) -> None:
        """Pass the session's events on until the call is over, and tell those attached.

        Args:
            tasks: Of the call.
        """
        try:
            self.host.outbox.write_by(lambda: tasks.start_soon(self._write))
            await self._over.wait()
        finally:
            self.host.close()
            for listener in tuple(self._listeners):
                listener.end(self.host.closing or _HUNG_UP)

    async def _write(self) -> None:
        outbox = self.host.outbox
        while (frame := await outbox.get()) is not None:
            self._send(frame)
            for listener in tuple(self._listeners):
                listener.pass_on(frame)
        if outbox.closed:
            self.hang_up("its session has ended")


class Calls:
    """The live calls of a server, by their ids."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self._tasks: TaskGroup | None = None

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Take calls as long as the context is open; then end those there are."""
        async with anyio.create_task_group() as self._tasks:
            try:
                yield
            finally:
                self._tasks.cancel_scope.cancel()

    async def begin(self, run: Callable[[TaskStatus[_T]], Awaitable[None]]) -> _T:
        """Run a call beside whoever begins it.

        Args:
            run: Does so. Reports by the status that it has begun; what it raises before that, this
                raises. Afterwards it must raise nothing.

        Returns:
            What it reports.
        """
        assert self._tasks is not None, "no calls are taken yet"

        async def begun(*, task_status: TaskStatus[_T]) -> None:
            await run(task_status)

        began: _T = await self._tasks.start(begun)
        return began

    @contextmanager
    def listed(self, call: Call) -> Iterator[None]:
        """Have a call be found as long as the context is open."""
        self._calls[call.id] = call
        try:
            yield
        finally:
            del self._calls[call.id]

    def find(self, call_id: str, key_name: str | None) -> Call:
        """Return a live call.

        Args:
            call_id: Its id.
            key_name: What the API key of who asks is called. Calls of other keys do not exist for
                it.

        Raises:
            RequestError: ``call_not_found``.
        """
        call = self._calls.get(call_id)
        if call is None or call.key_name != key_name:
            message = (
                f"There is no call '{call_id}', or no longer one, or it was opened with another "
                "API key."
            )
            raise RequestError(message, code="call_not_found", param="call_id")
        return call
