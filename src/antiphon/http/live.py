"""``/v1/antiphon/sessions`` and ``/v1/antiphon/engines``: what goes on, for those who run a server.

Nothing here is for clients: it takes an admin key, where keys are needed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Literal

import anyio
import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from antiphon.errors import AntiphonError
from antiphon.http.answers import json_response
from antiphon.http.streams import EVENT_STREAM, WorkedOutResponse
from antiphon.runtime.hosts import CloseReason
from antiphon.runtime.listening_in import Listening
from antiphon.runtime.live import LiveSession
from antiphon.runtime.reception import Reception
from antiphon.runtime.telemetry.engines import engine_reports

__all__ = ["HUNG_UP", "ListedSession", "Live"]

HUNG_UP: CloseReason = (1000, "The operator ended the session.")
"""What the client is told whose session is ended here."""

_PATIENCE_S = 30.0
"""How long one who listens in may take to read something, before it is sent away."""


class ListedSession(Struct, frozen=True, kw_only=True):
    """A session that is open, as the operator sees it."""

    object: Literal["antiphon.session"] = "antiphon.session"
    id: str
    conversation_id: str | None
    kind: Literal["realtime", "transcription", "translation"]
    model: str
    key: str | None
    transport: Literal["websocket", "webrtc"]
    opened_at: float
    responses: int
    speaking: bool


class Live:
    """The pages.

    Args:
        reception: Knows the sessions and the engines.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def sessions(self, _request: Request) -> Response:
        """``GET /v1/antiphon/sessions``: the open ones, the oldest first."""
        listed = [self._listed(one) for one in self._reception.live]
        return json_response({"object": "list", "data": listed})

    async def events(self, request: Request) -> Response:
        """``GET /v1/antiphon/sessions/{session_id}/events``: its events from now on."""
        async with AsyncExitStack() as needs:
            wanted = request.path_params["session_id"]
            listening = needs.enter_context(self._reception.live.listening(wanted))
            return _Overheard(_lines(listening), media_type=EVENT_STREAM, needs=needs.pop_all())

    async def hang_up(self, request: Request) -> Response:
        """``POST /v1/antiphon/sessions/{session_id}/hangup``."""
        session = self._reception.live.find(request.path_params["session_id"])
        session.host.end(HUNG_UP)
        return json_response({"id": session.opened.id, "object": "antiphon.session.ended"})

    async def engines(self, _request: Request) -> Response:
        """``GET /v1/antiphon/engines``."""
        reports = engine_reports(self._reception.models)
        data = [{"object": "antiphon.engine", **msgspec.to_builtins(one)} for one in reports]
        return json_response({"object": "list", "data": data})

    def _listed(self, session: LiveSession) -> ListedSession:
        opened = session.opened
        return ListedSession(
            id=opened.id,
            conversation_id=opened.conversation_id,
            kind=opened.kind,
            model=opened.model,
            key=opened.key_name,
            transport=opened.transport,
            opened_at=opened.opened_at_s,
            responses=session.responses,
            speaking=session.speaking,
        )


class _Overheard(WorkedOutResponse):
    """Sends what somebody hears who listens in; not to one who does not read it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_soon(message: Message) -> None:
            with anyio.move_on_after(_PATIENCE_S) as patience:
                await send(message)
            if patience.cancelled_caught:
                wait = f"who listens in has read nothing for {_PATIENCE_S:g} s"
                raise AntiphonError(wait)

        await super().__call__(scope, receive, send_soon)


async def _lines(listening: Listening) -> AsyncGenerator[bytes, None]:
    yield b": events follow, from now on\n\n"
    async for heard in listening.heard():
        if heard is None:
            yield b": nothing new\n\n"
            continue
        if heard.missed:
            yield b'event: antiphon.missed\ndata: {"events":%d}\n\n' % heard.missed
        yield b"event: %s\ndata: %s\n\n" % (heard.event.encode(), heard.data)
    yield b"event: antiphon.session.over\ndata: {}\n\n"
