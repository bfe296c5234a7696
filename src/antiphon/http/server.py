"""Runs the server: loads the engines, listens, serves until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from antiphon.config import Config
from antiphon.engines.base import Engine, Role
from antiphon.engines.hearing import Denoiser, Transcriber, TurnPredictor, VoiceDetector
from antiphon.engines.registry import load_engine
from antiphon.engines.speaking import Synthesizer
from antiphon.engines.thinking import LanguageModel
from antiphon.errors import ConfigurationError, WeightsError
from antiphon.http.app import build_app
from antiphon.http.keepalive import WebSocketProtocol
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.reception import open_reception
from antiphon.transports.websocket import MAX_FRAME_BYTES

__all__ = ["AppServer", "load_engines", "open_listener", "run_server"]

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
        async with load_engines(config) as engines:
            await engines.warm(config.instructions)
            async with open_reception(config, engines) as reception:
                server = AppServer(build_app(reception), listener, on_listening)
                with _stopping_on_signals(server):
                    await server.run_until_stopped()


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


@contextlib.asynccontextmanager
async def load_engines(config: Config) -> AsyncIterator[EngineSet]:
    """Load the engines a configuration names; close them at the end.

    Raises:
        AntiphonError: One of them cannot be loaded; those loaded before are closed.
    """
    async with contextlib.AsyncExitStack() as loaded:

        async def load(role: Role, name: str | None, threads: int) -> Engine:
            began = time.monotonic()
            engine = await load_engine(
                role, name, home=config.home, threads=threads, options=_options(config, name)
            )
            loaded.push_async_callback(engine.aclose)
            took_s = time.monotonic() - began
            _log.info("%s %s loaded in %.1f s", role, engine.info.name, took_s)
            return engine

        async def load_turn_predictor() -> TurnPredictor | None:
            try:
                engine = await load("turn_predictor", config.turn_predictor, 1)
            except WeightsError as error:
                if config.turn_predictor is not None:
                    raise
                # Turns end without it as well, if not as surely.
                _log.warning("no turn predictor: %s", error)
                return None
            return cast("TurnPredictor", engine)

        cores = os.cpu_count() or 1
        yield EngineSet(
            voice_detector=cast(
                "VoiceDetector", await load("voice_detector", config.voice_detector, 1)
            ),
            denoiser=cast("Denoiser", await load("denoiser", config.denoiser, 1)),
            turn_predictor=await load_turn_predictor(),
            transcriber=cast("Transcriber", await load("transcriber", config.transcriber, 1)),
            language_model=cast(
                "LanguageModel", await load("language_model", config.language_model, cores)
            ),
            synthesizer=cast("Synthesizer", await load("synthesizer", config.synthesizer, 1)),
            voice_names=config.voices,
        )


def _options(config: Config, name: str | None) -> dict[str, Any]:
    is_scripted = name == "scripted" and config.script is not None
    return {"script": config.script} if is_scripted else {}
