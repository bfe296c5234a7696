"""Takes the pictures of the console that are in the documentation, with the default engines.

Run ``python -m tests.console.screenshots``; it takes a minute, and writes ``docs/console-*.png``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
from playwright.async_api import expect

from antiphon.config import load_config
from antiphon.runtime.loading import load_models
from tests.console.chromium import PATIENCE_MS, Chromium, Visit, chromium_path, open_chromium
from tests.embedded.test_conversation import QUESTION
from tests.support.server import serving
from tests.support.sound import silence

DOCS = Path(__file__).parents[2] / "docs"

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}


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


async def main() -> None:
    """Take all pictures."""
    path = chromium_path() or sys.exit("Chromium is not installed.")
    expect.set_options(timeout=PATIENCE_MS)
    async with (
        load_models(load_config()) as models,
        serving(models.default.engines) as server,
        open_chromium(path) as chromium,
    ):
        light, dark = {"color_scheme": "light"}, {"color_scheme": "dark"}
        await take(chromium, server.url, DESKTOP | light, {"desktop": "turns"})
        await take(chromium, server.url, DESKTOP | dark, {"desktop-dark": "events"})
        phone = {"phone": "talk", "phone-turns": "turns"}
        await take(chromium, server.url, PHONE | light, phone)


if __name__ == "__main__":
    anyio.run(main)
