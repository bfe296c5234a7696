"""The console in a browser. Without Chromium its tests are skipped, in CI they fail."""

from __future__ import annotations

import os

import pytest
from playwright.async_api import expect

from tests.console.chromium import PATIENCE_MS, chromium_path, open_chromium

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
async def chromium():
    """A browser for all tests."""
    path = chromium_path()
    if path is None:
        missing = "Chromium is not installed, so the console is not tested: apt install chromium"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    async with open_chromium(path) as browser:
        yield browser
