"""Runs the real server on a free port, in the event loop that it is called on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from starlette.types import ASGIApp

from antiphon.config import Config
from antiphon.http.app import build_app
from antiphon.http.server import AppServer, open_listener
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.models import Models
from antiphon.runtime.reception import Reception, open_reception

__all__ = ["Listening", "listening"]


@dataclass(frozen=True)
class Listening:
    """A server that runs.

    Attributes:
        url: Its address, ``http://host:port``.
        reception: Its sessions.
        stop: Ends it, a moment after.
    """

    url: str
    reception: Reception
    stop: Callable[[], None]


@asynccontextmanager
async def listening(
    config: Config, engines: EngineSet, wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app
) -> AsyncIterator[Listening]:
    """Run the server until the context ends.

    Args:
        config: The operator's choices, but for the engines.
        engines: Who hears, thinks and speaks, under every model name. They are not closed.
        wrap: Returns the application to run in place of the server's own, which it is given.

    Raises:
        ConfigurationError: The address cannot be listened on, or sessions cannot begin.
    """
    async with open_reception(config, Models(config, lambda _: engines)) as reception:
        urls: list[str] = []
        ready = anyio.Event()

        def note(url: str) -> None:
            urls.append(url)
            ready.set()

        with open_listener(config) as listener:
            server = AppServer(wrap(build_app(reception)), listener, note, config)

            async def run() -> None:
                with anyio.CancelScope(shield=True):  # a test that fails still stops it in order
                    await server.run_until_stopped()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run)
                await ready.wait()
                try:
                    yield Listening(urls[0], reception, server.stop)
                finally:
                    server.stop()
