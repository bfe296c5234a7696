"""The console in a browser. Without Chromium its tests are skipped, in CI they fail."""

from __future__ import annotations

import pytest

from tests.console.chromium import a_browser


@pytest.fixture(scope="module")
async def chromium():
    """A browser."""
    async with a_browser() as browser:
        yield browser
