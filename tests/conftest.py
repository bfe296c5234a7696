"""Fixtures that all tests share."""

from __future__ import annotations

import pytest

from tests.support.virtual_time import VirtualTimeLoop

# Before any test imports them: they are tests themselves, which the package ships.
pytest.register_assert_rewrite("antiphon.engines.conformance")


@pytest.fixture(scope="session")
def anyio_backend():
    """The server runs on uvloop; a module that needs another loop overrides this."""
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture(scope="session")
def virtual_time():
    """A backend on which waiting takes no time."""
    return ("asyncio", {"loop_factory": VirtualTimeLoop})


@pytest.fixture(scope="session", autouse=True)
def _data_of_tests(tmp_path_factory):
    """Servers that tests start as programs keep what they keep where it is thrown away."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield
