"""Answers that are worked out while they are sent, and no longer than somebody reads them."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from antiphon.errors import AntiphonError, EngineError, RequestError
from antiphon.http.errors import refusal_of
from antiphon.wire.codec import encode
from antiphon.wire.error import HttpErrorBody

__all__ = ["EVENT_STREAM", "WorkedOutResponse", "as_events"]

_log = logging.getLogger(__name__)

EVENT_STREAM = "text/event-stream; charset=utf-8"
"""Media type of server-sent events."""


class WorkedOutResponse(Response):
    """An answer whose body is worked out by an async generator.

    What fails before the first piece is raised, and answered as any refusal; later there is nothing
    left but to break the answer off. When the client goes away the generator is cancelled.

    Args:
        body: Yields the body's pieces.
        media_type: MIME type of the body.
        needs: What the body is worked out with; closed after it.
    """

    def __init__(
        self,
        body: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        needs: AsyncExitStack,
    ) -> None:
        self._pieces = body
        self._needs = needs
        self._begun = False
        super().__init__(media_type=media_type)
        del self.headers["content-length"]  # of an empty body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the answer.

        Raises:
            AntiphonError: It failed before it began.
        """
        failure: Exception | None = None
        async with self._needs, anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_when_gone, receive, tasks.cancel_scope)
            try:
                await self._send_pieces(send)
            except Exception as error:  # a task group would wrap it, and nobody would know it
                failure = error
            tasks.cancel_scope.cancel()
        if failure is None:
            return
        if not (self._begun and isinstance(failure, AntiphonError)):
            raise failure
        _log.warning("an answer was broken off: %s", failure)

    async def _send_pieces(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await self._begin(send)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._begin(send)
        await send({"type": "http.response.body", "body": b""})

    async def _begin(self, send: Send) -> None:
        if not self._begun:
            self._begun = True
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )


async def as_events(events: AsyncGenerator[object, None]) -> AsyncGenerator[bytes, None]:
    """Yield events as server-sent events.

    A failure after the first event is told as the SDKs expect it: as an event that is an error.

    Args:
        events: Structs of the wire.
    """
    begun = False
    async with aclosing(events):
        try:
            async for event in events:
                begun = True
                yield _line(event)
        except (RequestError, EngineError) as error:
            if not begun:
                raise
            _log.warning("a stream of events failed: %s", error)
            refusal = error if isinstance(error, RequestError) else refusal_of(error)
            yield _line(HttpErrorBody.of(refusal))


def _line(event: object) -> bytes:
    return b"data: " + encode(event) + b"\n\n"


async def _cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    """Cancel when the client closes the connection; the request has been read by now."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
