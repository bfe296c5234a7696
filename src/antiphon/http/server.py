"""Runs the server: loads the engines, listens, serves until it is told to stop."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from antiphon.config import Config
from antiphon.errors import ConfigurationError
from antiphon.http.app import build_app
from antiphon.http.keepalive import WebSocketProtocol
from antiphon.runtime.loading import load_models
from antiphon.runtime.reception import open_reception
from antiphon.transports.websocket import MAX_FRAME_BYTES

__all__ = ["AppServer", "open_listener", "run_server"]

_log = logging.getLogger(__name__)

SHUTDOWN_GRACE_S = 3
"""How long open connections may take to close after the server was told to stop."""

PING_INTERVAL_S = 20.0
"""As clients do it: also keeps proxies from closing a silent connection."""


async def run_server(config: Config, on_listening: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        config: The operator's choices.
        on_listening: Called with the server's address, ``http://host:port``, once it is ready.

    Raises:
        AntiphonError: The address cannot be listened on, or an engine cannot be loaded.
    """
    with open_listener(config) as listener:
        async with load_models(config) as models, open_reception(config, models) as reception:
            await reception.warm()
            _leave_out_of_collections()
            server = AppServer(build_app(reception), listener, on_listening)
            with _stopping_on_signals(server):
                await server.run_until_stopped()


def _leave_out_of_collections() -> None:
    """Have the garbage collector pass over what is there by now: modules and engines, for good.

    Every session stands still while it looks through them, for some 100 ms each time.
    """
    gc.collect()
    gc.freeze()


class AppServer(uvicorn.Server):
    """Serves an application on an open socket, and leaves signals to its caller.

    Args:
        app: What to serve.
        listener: Where; bound, not yet listening.
        on_listening: Called with the server's address, ``http://host:port``, once clients can
            connect.
    """

    def __init__(
        self, app: ASGIApp, listener: socket.socket, on_listening: Callable[[str], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                lifespan="off",
                ws=WebSocketProtocol,
                ws_max_size=MAX_FRAME_BYTES,
                # Costs twice the processor time and saves little: base64 audio hardly shrinks.
                ws_per_message_deflate=False,
                ws_ping_interval=PING_INTERVAL_S,
                timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
            )
        )
        self._listener = listener
        self._on_listening = on_listening

    async def run_until_stopped(self) -> None:
        """Serve until :meth:`stop` is called; then close the connections."""
        await self.serve(sockets=[self._listener])

    def stop(self) -> None:
        """End the server, a moment after."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        host, port = self._listener.getsockname()[:2]
        self._on_listening(f"http://{f'[{host}]' if ':' in host else host}:{port}")

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        """Leave signals alone. uvicorn would raise them again, in the midst of closing engines."""
        return contextlib.nullcontext()


@contextlib.contextmanager
def open_listener(config: Config) -> Iterator[socket.socket]:
    """Open the server's socket before anything is loaded that might take long.

    Raises:
        ConfigurationError: The address cannot be listened on.
    """
    try:
        # The first of the addresses that a name has, so that "localhost" listens on one of them.
        family, kind, protocol, _, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(config, error) from error
    with listener:
        try:
            if os.name == "posix":  # elsewhere it would let two servers share a port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            raise _cannot_listen(config, error) from error
        yield listener


def _cannot_listen(config: Config, error: OSError) -> ConfigurationError:
    message = (
        f"The server cannot listen on {config.host}, port {config.port}: {error.strerror}. "
        "Choose others with --host and --port; port 0 is any free one."
    )
    return ConfigurationError(message)


@contextlib.contextmanager
def _stopping_on_signals(server: AppServer) -> Iterator[None]:
    """Stop the server at the first signal; at a second SIGINT, without waiting for clients."""
    before = {
        number: signal.signal(number, server.handle_exit)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
