"""The server with its default engines, loaded once for all tests."""

from __future__ import annotations

import pytest

from antiphon.config import load_config
from antiphon.engines.registry import Readiness, statuses
from antiphon.runtime.loading import load_models
from tests.support.server import serving


@pytest.fixture(scope="package")
async def engines():
    """The default engines; without their weights the tests fail."""
    config = load_config()
    states = statuses(home=config.home)
    if problems := [one.problem for one in states if one.readiness is not Readiness.READY]:
        pytest.fail("\n".join(problems))
    async with load_models(config) as models:
        yield models.default.engines


@pytest.fixture
async def server(engines):
    """A server with the default engines."""
    async with serving(engines) as running:
        yield running
