"""Requests to a server: time limits, sending again, and leaving alone a server that is down.

Sending again is done here and not by the client library, whose first pause is half a second and
which honours ``Retry-After`` up to two minutes: somebody is waiting on the phone. It ends with the
first piece of an answer that has something in it: what was passed on cannot be taken back.
"""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
)
from typing import Any, TypeVar

import anyio
import httpx2
import openai

from antiphon.engines.base import EngineInfo, closed_error
from antiphon.engines.http.failures import Diagnosis, ServerError, failure_of, resting, timed_out
from antiphon.engines.http.options import ServerOptions
from antiphon.engines.http.server import Server
from antiphon.errors import Stage

__all__ = ["NOTHING_YET", "Calls", "Request"]

_log = logging.getLogger(__name__)

PieceT = TypeVar("PieceT")
ResultT = TypeVar("ResultT")

Request = Callable[[], AbstractAsyncContextManager[AsyncIterator[PieceT]]]
"""Sends a request anew each time; the context is the answer, piece by piece, and closes it."""

NOTHING_YET: Any = object()
"""A piece that only shows that the server is at work."""

FIRST_PAUSE_S = 0.1
"""Before a request is sent again; doubled each time. The real pause is random, from half to all of
it, so that sessions that failed together do not come back together."""

_END: Any = object()

_ANY_MODEL = "default"
"""Sent to a server that lists no models, which then has only one to offer."""


class Calls:
    """The requests of one engine.

    Args:
        server: Where they go; given back with :meth:`aclose`.
        info: What the engine is.
        stage: What its failures belong to.
        options: Its limits.
    """

    def __init__(
        self, server: Server, info: EngineInfo, stage: Stage, options: ServerOptions
    ) -> None:
        self._server = server
        self._info = info
        self._stage = stage
        self._options = options
        self._waits: set[anyio.CancelScope] = set()
        self._closed = False

    async def read(self, request: Request[PieceT]) -> AsyncGenerator[PieceT, None]:
        """Yield the pieces of an answer as they come. Closing it closes the connection at once.

        If nothing but :data:`NOTHING_YET` has come, the request may be sent again. However often it
        is sent, it counts once for whether the server is down.

        Raises:
            EngineError: The server failed (:class:`ServerError`), or the engine was closed.
        """
        self.refuse_if_closed()
        breaker = self._server.breaker
        if not breaker.admit():
            raise resting(self._stage)
        repeats, is_answered, has_begun = 0, False, False
        try:
            while True:
                try:
                    async with aclosing(self._sent_once(request)) as pieces:
                        async for piece in pieces:
                            if not is_answered:
                                is_answered = True
                                breaker.answered()
                            has_begun = has_begun or piece is not NOTHING_YET
                            yield piece
                    is_answered = True
                    breaker.succeeded()
                    return
                except ServerError as failure:
                    pause_s = None if has_begun else self._pause_s(failure, repeats)
                    if pause_s is None:
                        is_answered = True
                        breaker.failed() if failure.counts else breaker.answered()
                        raise
                repeats += 1
                await self._within(None, anyio.sleep(pause_s))
        finally:
            if not is_answered:
                breaker.abandoned()

    async def ask(self, send: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Return an answer that comes in one piece.

        Args:
            send: Sends the request anew each time, and returns the answer.

        Raises:
            EngineError: As for :meth:`read`.
        """

        @asynccontextmanager
        async def request() -> AsyncIterator[AsyncIterator[tuple[ResultT]]]:
            yield _whole(send)

        async with aclosing(self.read(request)) as answers:
            ((answer,),) = [one async for one in answers]
        return answer

    async def model_for(self, wanted: str | None) -> str:
        """Return the model to name in a request.

        Args:
            wanted: What the client of Antiphon asked for.

        Raises:
            EngineError: The server cannot be reached, or the engine was closed.
        """
        self.refuse_if_closed()
        if self._options.model is not None:
            return self._options.model
        models = self._server.models
        if models is None:
            try:
                models = await self.ask(self._server.find_models)
            except ServerError as failure:
                if failure.counts:
                    raise
                models = self._server.models = ()  # it is there, and has no such list
        if wanted in models:
            return wanted
        return models[0] if models else _ANY_MODEL

    def refuse_if_closed(self) -> None:
        """Raise if the engine was closed.

        Raises:
            EngineError: Code ``engine_closed``.
        """
        if self._closed:
            raise closed_error(self._info.name, self._stage)

    async def aclose(self) -> None:
        """End all requests, and give the server back."""
        if self._closed:
            return
        self._closed = True
        for scope in self._waits:
            scope.cancel()
        await self._server.give_back()

    async def _sent_once(self, request: Request[PieceT]) -> AsyncGenerator[PieceT, None]:
        limit_s = self._options.first_event_timeout_s
        async with AsyncExitStack() as answer:
            pieces = await self._within(limit_s, answer.enter_async_context(request()))
            while (piece := await self._within(limit_s, anext(pieces, _END))) is not _END:
                limit_s = self._options.next_event_timeout_s
                yield piece
                self.refuse_if_closed()

    def _pause_s(self, failure: ServerError, repeats: int) -> float | None:
        """How long to wait before a request is sent again; ``None`` if it is not."""
        if not failure.may_repeat or repeats == self._options.retries:
            return None
        if failure.retry_after_s is None:
            return FIRST_PAUSE_S * 2.0**repeats * random.uniform(0.5, 1)  # noqa: S311 (no secret)
        if failure.retry_after_s > self._options.longest_retry_wait_s:
            return None
        return failure.retry_after_s

    async def _within(self, limit_s: float | None, waiting: Awaitable[ResultT]) -> ResultT:
        """Wait for the server.

        Raises:
            EngineError: It failed, the limit has passed, or the engine was closed meanwhile.
        """
        with anyio.CancelScope() as scope:
            if limit_s is not None:
                scope.deadline = anyio.current_time() + limit_s
            self._waits.add(scope)
            try:
                return await waiting
            except (openai.OpenAIError, httpx2.HTTPError, ValueError) as error:
                raise self._told(failure_of(error, self._stage)) from error
            finally:
                self._waits.discard(scope)
        if self._closed:
            raise closed_error(self._info.name, self._stage)
        assert limit_s is not None, "only closing and the limit cancel the scope"
        raise self._told(timed_out(self._stage, limit_s))

    def _told(self, diagnosis: Diagnosis) -> ServerError:
        """The failure, after telling the operator about it."""
        _log.warning("%s: %s %s", self._info.name, self._server.base_url, diagnosis.remark)
        return diagnosis.failure


async def _whole(send: Callable[[], Awaitable[ResultT]]) -> AsyncIterator[tuple[ResultT]]:
    yield (await send(),)
