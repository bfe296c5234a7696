"""The dashboard's pages: for everybody, on every screen."""

from __future__ import annotations

import time

import pytest

from antiphon.config import StoreChoice
from tests.clients.environments import environment_of
from tests.console.month import keep_month
from tests.console.test_page import DESKTOP, OVERFLOW, PHONE, TABLET, violations
from tests.support.keeping import KEYS
from tests.support.server import running_server

PAGES = {
    "/dashboard?range=30d": ".headline b",
    "/dashboard/responses?metadata%5Bsite%5D=oslo&status=failed": ".list tbody tr",
    "/dashboard/responses/resp_3": ".waterfall",
    "/dashboard/conversations/conv_0001": ".said",
    "/dashboard/live": "#dashboard tbody tr",
}
"""Each with what is there once it is shown."""


@pytest.fixture(scope="module")
def axe():
    """Judges whether everybody can use a page."""
    return (environment_of("browser").node_modules / "axe-core" / "axe.min.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESKTOP, TABLET, PHONE], ids=["desktop", "tablet", "phone"])
async def test_everybody_can_use_it(chromium, axe, screen, scheme):
    looks = {"viewport": screen, "color_scheme": scheme, "reduced_motion": "reduce"}
    async with running_server(store=StoreChoice(audio=True)) as server, server.sdk() as client:
        await keep_month(server.store, time.time())
        pages = PAGES | {f"/dashboard/live/{client.frames[0]['session']['id']}": ".listening"}
        async with chromium.visit(server.url, "/dashboard", **looks) as visit:
            for path, shown in pages.items():
                await visit.page.goto(server.url + path)
                await visit.page.locator(shown).first.wait_for()
                await visit.page.evaluate(f"{axe}; null")
                assert await violations(visit.page) == [], path
                assert await visit.page.evaluate(OVERFLOW) == {"x": 0, "y": 0}, path
        assert visit.complaints == []


async def test_who_has_no_key_can_use_it(chromium, axe):
    async with (
        running_server(store=StoreChoice(), **KEYS) as server,
        chromium.visit(server.url, "/dashboard") as visit,
    ):
        await visit.page.locator(".key-form").wait_for()
        await visit.page.evaluate(f"{axe}; null")
        assert await violations(visit.page) == []
