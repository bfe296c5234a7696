from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from antiphon.store.databases import Database
from tests.support.postgresql import Cluster, cluster, programs


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A server for all tests; each takes a database of its own."""
    binaries = programs()
    if binaries is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed: apt-get install postgresql")
        pytest.skip("PostgreSQL is not installed")
    with cluster(binaries) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'kept.db'}"
    running: Cluster = request.getfixturevalue("postgresql")
    return running.database()


@pytest.fixture
def database(url) -> Iterator[Database]:
    """The same, prepared."""
    found = Database(url)
    found.prepare()
    yield found
    found.release()
