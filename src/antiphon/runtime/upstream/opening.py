"""How a session with a service begins: as the client is to find it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection

from antiphon.errors import RequestError
from antiphon.runtime.upstream.call import in_format_of_calls
from antiphon.runtime.upstream.events import OWN_EVENT
from antiphon.runtime.upstream.frames import Passing, decoded, peek
from antiphon.runtime.upstream.link import Upstream, greeting
from antiphon.wire.client_events import SessionUpdate
from antiphon.wire.codec import encode
from antiphon.wire.session import SessionPatch

__all__ = ["OpenedUpstream", "open_session"]


class OpenedUpstream(NamedTuple):
    """A session that a service has opened.

    Attributes:
        created: Its ``session.created``.
        session: Its settings, the patches included.
        beside: What else came meanwhile, in order.
    """

    created: Passing
    session: dict[str, Any]
    beside: list[bytes]


async def open_session(
    socket: ClientConnection,
    upstream: Upstream,
    patches: Sequence[SessionPatch],
    *,
    as_call: bool,
) -> OpenedUpstream:
    """Have a session begin with settings over those of the service.

    Args:
        socket: Just connected.
        upstream: The service.
        patches: The settings, in order.
        as_call: Whether the session is held as a call, where the transport has its own formats.

    Raises:
        EngineError: The service opens none.
        RequestError: It refuses the settings.
        ConnectionClosed: It closes the connection after it has opened one.
        msgspec.DecodeError: It sends what is no event.
    """
    created = await greeting(socket, upstream)
    session, beside = decoded(created.session), []
    for number, patch in enumerate(patches):
        update = SessionUpdate(event_id=f"{OWN_EVENT}{number}", session=patch)
        await socket.send(encode(in_format_of_calls(update) if as_call else update), text=True)
    missing = len(patches)
    while missing:
        frame = await socket.recv(decode=False)
        passing = peek(frame)
        if passing.type == "session.updated":
            session = decoded(passing.session)
            missing -= 1
        elif passing.type == "error":
            raise _refusal(passing, upstream)
        else:
            beside.append(frame)
    return OpenedUpstream(created, session, beside)


def _refusal(passing: Passing, upstream: Upstream) -> RequestError:
    error = decoded(passing.error)
    message = upstream.without_key(str(error.get("message")))
    kind = error.get("type") or "invalid_request_error"
    return RequestError(message, code=error.get("code"), param=error.get("param"), type=kind)
