"""Runs the server: loads the engines, listens, serves until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import anyio
import uvicorn
from starlette.types import ASGIApp

from antiphon.config import Config
from antiphon.errors import ConfigurationError
from antiphon.http.app import build_app, open_switchboard
from antiphon.http.connections import MAX_HEAD_BYTES, Lobby, http_protocol
from antiphon.http.gate import Gate
from antiphon.http.keepalive import WebSocketProtocol
from antiphon.http.reloading import Reloading
from antiphon.http.safe_headers import SafeHeaders
from antiphon.http.stopping import HangUps, Stopping, on_signals
from antiphon.http.supervisor import telling_of_reload, watched
from antiphon.http.tls import Certificate
from antiphon.runtime.loading import load_models
from antiphon.runtime.readiness import Phase, Readiness
from antiphon.runtime.reception import open_reception
from antiphon.runtime.telemetry.lag import measured_lag
from antiphon.transports.websocket import MAX_FRAME_BYTES

__all__ = ["AppServer", "listening_on", "open_listener", "run_server"]

SHUTDOWN_GRACE_S = 3
"""How long open connections may take to close after the server was told to stop."""

UNREAD_S = 60.0
"""How long a client may read nothing of what waits for it. Sooner or later it is pinged, and would
be missed then; but neither does HTTP ping, nor is a connection gone that is being closed as long as
something waits in it."""

PING_INTERVAL_S = 20.0
"""As clients do it: also keeps proxies from closing a silent connection."""

PONG_S = 20.0
"""How long the answer to a ping may take. Who never ends a frame cannot send one either."""


async def run_server(
    config: Config, on_listening: Callable[[str], None], reread: Callable[[], Config]
) -> None:
    """Serve until SIGINT or SIGTERM; see :mod:`antiphon.http.stopping`.

    Args:
        config: The operator's choices.
        on_listening: Called with the server's address, ``http://host:port``, once it is ready.
            Clients that come before are told to wait.
        reread: Reads the configuration again.

    Raises:
        AntiphonError: The address cannot be listened on, or an engine cannot be loaded.
    """
    readiness = Readiness()
    gate = Gate(readiness)
    stopping = Stopping()
    hang_ups = HangUps()
    signals = {
        "SIGTERM": stopping.terminate,
        "SIGINT": stopping.interrupt,
        "SIGHUP": hang_ups.note,  # from the beginning: it would end the process otherwise
    }
    with open_listener(config) as listener, on_signals(signals), stopping.loading:
        async with (
            listening_on(gate, listener, config) as (server, url),
            load_models(config) as models,
            open_reception(config, models, readiness) as reception,
        ):
            await reception.warm()
            _leave_out_of_collections()
            switchboard = open_switchboard(reception)

            def rebuild() -> None:
                gate.open(build_app(reception, switchboard, reloading.page))

            def reload() -> None:
                with telling_of_reload():
                    reloading.on_signal()

            reloading = Reloading(reread, reception, renew=server.renew, rebuild=rebuild)
            rebuild()
            readiness.phase = Phase.SERVING
            on_listening(url)
            with (
                measured_lag(reception.metrics.lag),
                watched(),
                hang_ups.answered_by(reload),
            ):
                await stopping.serve(server, reception)
                await server.ended.wait()


@contextlib.asynccontextmanager
async def listening_on(
    app: ASGIApp, listener: socket.socket, config: Config
) -> AsyncIterator[tuple[AppServer, str]]:
    """Serve an application until the context ends, or the server is told to stop.

    Yields:
        The server, and its address.
    """
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = AppServer(app, listener, url.set_result, config)
    serving = asyncio.create_task(server.run_until_stopped())
    try:
        await asyncio.wait((url, serving), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()  # raises why it could not begin
        yield server, url.result()
    finally:
        server.stop()
        with anyio.CancelScope(shield=True):
            await serving


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
        choices: The operator's: whether it speaks TLS, how many may connect, and which proxies
            are believed who they speak for.

    Raises:
        ConfigurationError: The certificate cannot be used.

    Attributes:
        ended: Set when it has been stopped, and all connections are closed.
        certificate: With which it speaks TLS; ``None`` if it does not.
        lobby: The connections that are no sessions.
    """

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        on_listening: Callable[[str], None],
        choices: Config,
    ) -> None:
        certificate = Certificate(choices.tls) if choices.tls is not None else None
        lobby = Lobby(choices.max_connections)
        super().__init__(
            uvicorn.Config(
                SafeHeaders(app, with_tls=certificate is not None),
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                interface="asgi3",  # which uvicorn does not see where it is no coroutine function
                lifespan="off",
                server_header=False,
                ssl_context_factory=(lambda *_: certificate.context) if certificate else None,
                http=http_protocol(lobby),  # type: ignore[arg-type]  # called as a class would be
                h11_max_incomplete_event_size=MAX_HEAD_BYTES,
                proxy_headers=bool(choices.trusted_proxies),
                forwarded_allow_ips=list(choices.trusted_proxies),
                ws=WebSocketProtocol,
                ws_max_size=MAX_FRAME_BYTES,
                # Costs twice the processor time and saves little: base64 audio hardly shrinks.
                ws_per_message_deflate=False,
                ws_ping_interval=PING_INTERVAL_S,
                ws_ping_timeout=PONG_S,
                timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
            )
        )
        self.ended = anyio.Event()
        self.certificate = certificate
        self.lobby = lobby
        self._listener = listener
        self._on_listening = on_listening

    async def run_until_stopped(self) -> None:
        """Serve until :meth:`stop` is called; then close the connections."""
        try:
            await self.serve(sockets=[self._listener])
        finally:
            self.ended.set()

    def stop(self) -> None:
        """End the server, a moment after."""
        self.should_exit = True

    def renew(self, choices: Config) -> None:
        """Read the certificate again, and let as many connect as the operator now says.

        Raises:
            ConfigurationError: The certificate cannot be used. Nothing is changed.
        """
        if self.certificate is not None and choices.tls is not None:
            self.certificate.reload(choices.tls)
        self.lobby.most = choices.max_connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        host, port = self._listener.getsockname()[:2]
        scheme = "http" if self.certificate is None else "https"
        self._on_listening(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")

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
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # on Linux; connections take it over
                unread_ms = round(UNREAD_S * 1000)
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread_ms)
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
