"""Takes the pictures that are in the documentation: the console's with the default engines, the
dashboard's with a month that was never held.

Run ``python -m tests.console.screenshots``; it takes a minute, and writes ``docs/console-*.png``
and ``docs/dashboard-*.png``. With the word ``dashboard`` it only takes those, and needs no weights.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import anyio
from playwright.async_api import expect

from antiphon.config import Price, StoreChoice, load_config
from antiphon.engines.scripted.script import Say, Script, Take
from antiphon.runtime.loading import load_models
from tests.console.chromium import PATIENCE_MS, Chromium, Visit, chromium_path, open_chromium
from tests.console.month import keep_month
from tests.embedded.test_conversation import QUESTION
from tests.support.server import Served, running_server, serving
from tests.support.sound import silence

DOCS = Path(__file__).parents[2] / "docs"

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}


FERRIES = Script(
    answers=(
        Take((Say("The last one leaves at a quarter to midnight, from the main pier."),)),
        Take((Say("At ten past six. On Sundays it is ten past eight."),)),
    )
)


async def converse(visit: Visit) -> None:
    """Ask aloud, then in writing, and leave while the second answer is heard."""
    page = visit.page
    await visit.connect("webrtc")
    await page.click("#microphone")
    await expect(page.locator(".turn-times .waterfall")).to_have_count(1)
    await expect(page.locator("#sounding")).to_have_text("Silent")
    await visit.ask("And what is there to see?")
    await expect(page.locator(".turn-times .waterfall")).to_have_count(2)
    await expect(page.locator("#sounding")).to_have_text("Speaking")
    await visit.heard_until(await visit.now_ms() + 1_500)


async def take(chromium: Chromium, url: str, looks: dict[str, Any], views: dict[str, str]) -> None:
    """Hold a conversation, and take a picture of each view, by the picture's name."""
    chromium.will_hear(silence(500) + QUESTION)
    async with chromium.visit(url, **looks) as visit:
        await converse(visit)
        for name, view in views.items():
            button = visit.page.locator(f".views [data-view={view}]")
            if await button.is_visible():
                await button.click()
            await visit.page.screenshot(path=DOCS / f"console-{name}.png", animations="disabled")


async def take_dashboard(chromium: Chromium) -> None:
    """Take pictures of each page of the dashboard."""
    light, dark = {"color_scheme": "light"}, {"color_scheme": "dark"}
    prices = {"antiphon": Price(input=4, output=16)}
    async with running_server(FERRIES, store=StoreChoice(audio=True), prices=prices) as server:
        await keep_month(server.store, time.time())
        overviews: dict[str, dict[str, Any]] = {
            "overview": DESKTOP | light,
            "overview-dark": DESKTOP | dark,
            "phone": PHONE | light,
        }
        for name, looks in overviews.items():
            async with chromium.visit(server.url, "/dashboard?range=30d", **looks) as visit:
                await visit.page.locator(".headline b").first.wait_for()
                await shoot(visit, name)
        async with chromium.visit(server.url, "/dashboard/responses", **DESKTOP, **light) as visit:
            await visit.page.fill("[placeholder^=Metadata]", "site=oslo")
            await visit.page.keyboard.press("Enter")
            await visit.page.locator(".chip").wait_for()
            await shoot(visit, "responses")
            await visit.page.locator(".list th a").first.click()
            await visit.page.locator(".waterfall").wait_for()
            await shoot(visit, "response")
            await visit.page.get_by_text("Replay the conversation").click()
            await visit.page.locator(".replayed .said").first.wait_for()
            await shoot(visit, "conversation")
        await take_live(chromium, server, DESKTOP | light)


async def take_live(chromium: Chromium, server: Served, looks: dict[str, Any]) -> None:
    """Listen in to one of two sessions, and take a picture."""
    async with (
        server.sdk() as one,
        server.sdk(),
        chromium.visit(server.url, "/dashboard/live", **looks) as visit,
    ):
        await visit.page.get_by_role("link", name="Listen in", exact=True).first.click()
        await one.ask("When does the last ferry leave?")
        await one.ask("And the first one tomorrow?")
        await expect(visit.page.get_by_role("log")).to_contain_text("On Sundays it is")
        await shoot(visit, "live")


async def shoot(visit: Visit, name: str) -> None:
    """Take a picture of what is seen, once its letters are there."""
    await visit.page.evaluate("document.fonts.ready.then(() => null)")
    await visit.page.screenshot(path=DOCS / f"dashboard-{name}.png", animations="disabled")


async def main() -> None:
    """Take all pictures."""
    path = chromium_path() or sys.exit("Chromium is not installed.")
    expect.set_options(timeout=PATIENCE_MS)
    async with open_chromium(path) as chromium:
        await take_dashboard(chromium)
        if sys.argv[1:] != ["dashboard"]:
            await take_console(chromium)


async def take_console(chromium: Chromium) -> None:
    """Take pictures of the console in conversations."""
    light, dark = {"color_scheme": "light"}, {"color_scheme": "dark"}
    async with (
        load_models(load_config()) as models,
        serving(models.default.engines) as server,
    ):
        await take(chromium, server.url, DESKTOP | light, {"desktop": "turns"})
        await take(chromium, server.url, DESKTOP | dark, {"desktop-dark": "events"})
        phone = {"phone": "talk", "phone-turns": "turns"}
        await take(chromium, server.url, PHONE | light, phone)


if __name__ == "__main__":
    anyio.run(main)
