"""Fixtures that the engine tests share."""

from __future__ import annotations

import pytest

from tests.engines.hub_stand_in import hub_stand_in


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    ],
)
def both_loops(request):
    return request.param


@pytest.fixture(scope="module")
def anyio_backend():
    """The server runs on uvloop; a module that must hold on both overrides this."""
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The Hugging Face hub, on this machine."""
    with hub_stand_in(monkeypatch, tmp_path) as stand_in:
        yield stand_in
