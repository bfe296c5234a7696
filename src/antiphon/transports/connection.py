"""A WebSocket, as the server that accepted it passes it on."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from antiphon.runtime.hosts import SERVER_FAILED, CloseReason

__all__ = ["Connection"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """One WebSocket connection of a client.

    Attributes:
        scope: ASGI connection scope, of type ``websocket``.
        receive: ASGI receive; nothing has been received from it.
        send: ASGI send.
        subprotocol: The WebSocket subprotocol to select, if the client offered it.
    """

    scope: Scope
    receive: Receive
    send: Send
    subprotocol: str | None = None

    @property
    def client(self) -> str:
        """The address that it comes from."""
        return self.scope["client"][0] if self.scope.get("client") else "an unknown address"

    async def accept(self) -> None:
        """Accept it.

        Raises:
            OSError: The client has gone.
        """
        await self.receive()  # websocket.connect
        await self.send({"type": "websocket.accept", "subprotocol": self.subprotocol})

    async def send_text(self, text: str) -> None:
        """Send a text frame.

        Raises:
            OSError: The client has gone.
            RuntimeError: The server has closed the connection itself.
        """
        await self.send({"type": "websocket.send", "text": text})

    async def close(self, reason: CloseReason) -> None:
        """Close it.

        Raises:
            OSError: The client has gone.
            RuntimeError: The server has closed the connection itself.
        """
        code, words = reason
        await self.send({"type": "websocket.close", "code": code, "reason": words})

    @contextlib.asynccontextmanager
    async def closing_on_mistakes(self) -> AsyncIterator[None]:
        """Close it, once it has been accepted, if the server makes a mistake."""
        try:
            yield
        except* Exception:
            _log.exception("A connection was ended by a mistake of Antiphon or of an engine")
            with contextlib.suppress(OSError, RuntimeError):
                await self.close(SERVER_FAILED)
