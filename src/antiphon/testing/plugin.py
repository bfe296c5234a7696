"""Fixtures of pytest.

Nothing is loaded into test runs that did not ask for it. Either say in the ``conftest.py`` at the
root of the tests::

    pytest_plugins = ["antiphon.testing.plugin"]

or import the fixtures by name where they are used.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from antiphon.testing.server import ScriptedServer, scripted_server

__all__ = ["antiphon_environment", "antiphon_server"]


@pytest.fixture
def antiphon_server() -> Iterator[ScriptedServer]:
    """A server of the test's own, that does what the test says."""
    with scripted_server() as server:
        yield server


@pytest.fixture
def antiphon_environment(
    antiphon_server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The test's environment, with the variables by which official SDKs find the server."""
    for name, value in antiphon_server.environment.items():
        monkeypatch.setenv(name, value)
    return antiphon_server.environment
