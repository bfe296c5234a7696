"""The server with its default engines, loaded once for all tests."""

from __future__ import annotations

import pytest

from antiphon.config import load_config
from antiphon.engines.registry import Readiness, status
from antiphon.http.server import load_engines
from tests.support.server import serving


@pytest.fixture(scope="package")
async def engines():
    """The default engines; without their weights the tests fail."""
    problems = [one.problem for one in status() if one.readiness is not Readiness.READY]
    if problems:
        pytest.fail("\n".join(problems))
    async with load_engines(load_config()) as loaded:
        yield loaded


@pytest.fixture
async def server(engines):
    """A server with the default engines."""
    async with serving(engines) as running:
        yield running
