"""The connection to a Realtime service behind this server."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode, urlsplit

import anyio
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from antiphon.config import UpstreamChoice
from antiphon.engines.choices import from_environment
from antiphon.errors import EngineError
from antiphon.runtime.upstream.frames import Passing, peek

__all__ = ["RelayedKind", "Upstream", "greeting", "open_link", "patience", "upstream_self_test"]

RelayedKind = Literal["realtime", "transcription"]
"""Kinds of sessions that can be relayed."""

MAX_FRAME_BYTES = 32 << 20
"""Larger frames of the service end the session: an item of 15 MiB of audio is 20 MiB of JSON."""

PING_INTERVAL_S = 20.0
PING_TIMEOUT_S = 60.0
"""For so long a service may not answer a ping before it counts as lost. While a client is slow, its
service is not read from, and its pongs wait behind what it has sent."""

CLOSE_TIMEOUT_S = 1.0
"""How long a service may take to confirm that a session is over."""

_FULL = frozenset({429, 503})
"""HTTP statuses that mean: later."""

_KEY_REFUSED = frozenset({401, 403})

_wire_log = logging.getLogger(f"{__name__}.wire")
_wire_log.setLevel(logging.INFO)
"""The library's own. On DEBUG it would show the headers, and so the key."""


@dataclass(frozen=True)
class Upstream:
    """A Realtime service, ready to be connected to.

    Attributes:
        base_url: Its address, up to and with ``/v1``.
        model: What it is asked for; ``None`` for what the client asks for.
        api_key: What it is opened with; ``None`` if it needs none.
        open_s: How long opening a session may take.
        stall_s: How long nothing may come of an answer.
    """

    base_url: str
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    open_s: float = 15.0
    stall_s: float = 90.0

    @classmethod
    def of(cls, choice: UpstreamChoice) -> Upstream:
        """Return the service that an operator chose.

        Raises:
            ConfigurationError: The key is to be in a variable that is not set.
        """
        base_url, _, model = choice.use.partition("#")
        key = from_environment("api_key", choice.api_key)
        return cls(base_url.rstrip("/"), model or None, key, choice.open_s, choice.stall_s)

    @property
    def host(self) -> str:
        """Its host and port, for the log."""
        return urlsplit(self.base_url).netloc

    def address(self, kind: RelayedKind, asked_for: str) -> str:
        """Return where a session of a kind is opened.

        Args:
            kind: What the session is for.
            asked_for: The model that the client asks for.
        """
        transcribes = kind == "transcription"
        query = {"intent": kind} if transcribes else {"model": self.model or asked_for}
        return f"{self.base_url}/realtime?{urlencode(query)}"

    def without_key(self, text: str) -> str:
        """Return a text of the service, in which it may have repeated the key."""
        return text.replace(self.api_key, "…") if self.api_key else text


class _Connect(connect):
    """Follows no redirects: they would take the key along to wherever they lead."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@asynccontextmanager
async def open_link(
    upstream: Upstream, kind: RelayedKind, asked_for: str
) -> AsyncIterator[ClientConnection]:
    """Connect to a service; at the end, the connection is closed at once.

    Args:
        upstream: The service.
        kind: What the session is for.
        asked_for: The model that the client asks for.

    Raises:
        EngineError: ``server_overloaded`` if the service is full, ``upstream_unavailable`` for any
            other reason. The message is for the operator: it names the host.
    """
    key = upstream.api_key
    try:
        socket = await _Connect(
            upstream.address(kind, asked_for),
            additional_headers={"Authorization": f"Bearer {key}"} if key else None,
            user_agent_header="antiphon",
            compression=None,
            open_timeout=upstream.open_s,
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_TIMEOUT_S,
            max_size=MAX_FRAME_BYTES,
            logger=_wire_log,
        )
    except InvalidStatus as error:
        raise _refusal(upstream, error.response.status_code) from None
    except TimeoutError:
        raise _unavailable(upstream, f"did not answer within {upstream.open_s:g} s") from None
    except (OSError, WebSocketException) as error:
        reason = upstream.without_key(str(error))
        raise _unavailable(upstream, f"cannot be reached: {reason}") from None
    try:
        yield socket
    finally:
        with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
            await socket.close()
        socket.transport.abort()  # nothing to do for who has confirmed


@contextmanager
def patience(upstream: Upstream) -> Iterator[None]:
    """Wait no longer for a session to open than the operator allows.

    Raises:
        EngineError: ``upstream_unavailable``; it took longer.
    """
    try:
        with anyio.fail_after(upstream.open_s):
            yield
    except TimeoutError:
        message = f"opened no session within {upstream.open_s:g} s"
        raise _unavailable(upstream, message) from None


async def greeting(socket: ClientConnection, upstream: Upstream) -> Passing:
    """Wait for ``session.created``, with which every session begins.

    Raises:
        EngineError: ``upstream_unavailable``; something else came, or the end.
    """
    try:
        first = peek(await socket.recv(decode=False))
    except ConnectionClosed as end:
        message = f"closed the connection before the session began: {end}"
        raise _unavailable(upstream, upstream.without_key(message)) from None
    except msgspec.DecodeError as error:
        raise _unavailable(upstream, f"began with something that is no event: {error}") from None
    if first.type != "session.created":
        message = f"began with '{first.type}' in place of 'session.created'"
        if first.type == "error":
            message += f": {upstream.without_key(bytes(first.error).decode(errors='replace'))}"
        raise _unavailable(upstream, message)
    return first


async def upstream_self_test(choice: UpstreamChoice, asked_for: str) -> str:
    """Open a session with a service, close it, and return in a line how that went.

    Args:
        choice: The service.
        asked_for: The model name that clients know it by.

    Raises:
        AntiphonError: It does not work; the message says why and what to do.
    """
    upstream = Upstream.of(choice)
    began_s = time.monotonic()
    async with open_link(upstream, "realtime", asked_for) as socket:
        with patience(upstream):
            await greeting(socket, upstream)
        took_s = time.monotonic() - began_s
    return f"{upstream.host} opens sessions with '{upstream.model or asked_for}', in {took_s:.2f} s"


def _refusal(upstream: Upstream, status: int) -> EngineError:
    if status in _KEY_REFUSED:
        remedy = "Check its 'api_key'" if upstream.api_key else "Give it an 'api_key'"
        return _unavailable(upstream, f"refuses the key (HTTP {status}). {remedy}")
    if status in _FULL:
        message = f"The service {upstream.host} is full (HTTP {status})."
        return EngineError(message, stage="generate", code="server_overloaded", retryable=True)
    return _unavailable(upstream, f"refuses the connection (HTTP {status})")


def _unavailable(upstream: Upstream, what: str) -> EngineError:
    message = f"The service {upstream.host} {what}."
    return EngineError(message, stage="generate", code="upstream_unavailable", retryable=True)
