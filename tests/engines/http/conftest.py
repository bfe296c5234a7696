"""Fixtures of the engines that are servers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio.to_thread
import pytest

from antiphon.engines.base import EngineSettings
from antiphon.engines.http import factories
from tests.support.openai_server import MODELS, openai_server

NAME = "elsewhere"
"""What the engines are called."""


@pytest.fixture(scope="module")
def shared_server():
    """A server that answers in its usual way, for the tests of a module."""
    with openai_server() as server:
        yield server


@pytest.fixture
def server():
    """A server for one test."""
    with openai_server() as server:
        yield server


@pytest.fixture
async def build(server):
    """Builds engines of the server, from their options, and closes them."""
    async with AsyncExitStack() as closing:

        async def build(factory: Callable[[EngineSettings], Any], **options: Any) -> Any:
            options = {"base_url": server.url, "model": MODELS[0], **options}
            settings = EngineSettings(name=NAME, options=options)
            engine = await anyio.to_thread.run_sync(factory, settings)
            closing.push_async_callback(engine.aclose)
            return engine

        yield build


@pytest.fixture
async def language_model(build):
    return await build(factories.create_language_model)
