"""Fixtures that all tests share."""

from __future__ import annotations

import pytest

from tests.support.virtual_time import VirtualTimeLoop

# Before any test imports them: they are tests themselves, which the package ships.
pytest.register_assert_rewrite(
    "antiphon.engines.conformance", "antiphon.engines.conformance_hearing"
)


@pytest.fixture(scope="session")
def anyio_backend():
    """The server runs on uvloop; a module that needs another loop overrides this."""
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture(scope="session")
def virtual_time():
    """A backend on which waiting takes no time."""
    return ("asyncio", {"loop_factory": VirtualTimeLoop})
