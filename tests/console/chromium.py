"""A headless Chromium that visits the console, and whose microphone hears what a test says."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import numpy as np
import pytest
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    async_playwright,
    expect,
)

from antiphon.ask import write_wav
from antiphon.audio.formats import Floats
from tests.support.sound import silence

__all__ = [
    "PATIENCE_MS",
    "Chromium",
    "Heard",
    "Visit",
    "a_browser",
    "chromium_path",
    "open_chromium",
]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_FLAGS = (
    "--no-sandbox",  # containers have no user namespaces for it
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",  # calls do without a network
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_TAP = Path(__file__).with_name("tap.js")

_LOUD_RMS = 0.01
"""Root mean square of a block of sound that somebody would hear."""

PATIENCE_MS = 20_000
"""Bound on any one wait, which a slow machine with real engines may need."""

expect.set_options(timeout=PATIENCE_MS)


def chromium_path() -> str | None:
    """Return where Chromium is, if it is installed."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def a_browser() -> AsyncIterator[Chromium]:
    """Open a browser for tests: skipped where there is none, but in CI that is a failure.

    For fixtures of modules: what outlives them keeps its event loop, and tests that want another
    one would be run on it.
    """
    path = chromium_path()
    if path is None:
        missing = "Chromium is not installed, so the console is not tested: apt install chromium"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    async with open_chromium(path) as browser:
        yield browser


@dataclass(frozen=True)
class Heard:
    """What a page has played.

    Attributes:
        samples: Shape (n, 1024), mono float32 at 24 kHz: blocks, one after the other.
        ends_ms: Shape (n,), when each was over by the page's clock.
    """

    samples: Floats
    ends_ms: Floats

    @property
    def loud_ms(self) -> Floats:
        """When something was to be heard, by the page's clock."""
        rms = np.sqrt(np.mean(np.square(self.samples), axis=1))
        loud: Floats = self.ends_ms[rms > _LOUD_RMS]
        return loud


class Visit:
    """A visit to the console.

    Attributes:
        page: The page.
        complaints: What the browser had to say against it: errors, forbidden and foreign requests.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._url = url
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._note_request)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((self._url, "blob:")):
            self.complaints.append(f"asks for {request.url}")

    async def connect(self, transport: str) -> None:
        """Connect over ``websocket`` or ``webrtc``."""
        # The settings may be out of sight on a small screen.
        await self.page.locator("[name=transport]").evaluate(
            "(select, value) => { select.value = value; }", transport
        )
        await self.page.click("#connect")
        await self.page.locator("#status[data-state=connected]").wait_for()

    async def ask(self, text: str) -> None:
        """Ask in writing."""
        await self.page.fill("#words", text)
        await self.page.keyboard.press("Enter")

    async def saved_log(self) -> str:
        """Return the event log, as the page saves it."""
        async with self.page.expect_download() as download:
            await self.page.locator("#save").dispatch_event("click")
        path = anyio.Path(await (await download.value).path())
        return await path.read_text()

    async def log(self, event_type: str) -> list[dict[str, Any]]:
        """Return the log's entries of a type."""
        entries = [json.loads(line) for line in (await self.saved_log()).splitlines()]
        return [
            entry for entry in entries if "event" in entry and entry["event"]["type"] == event_type
        ]

    async def now_ms(self) -> float:
        """Return the time by the page's clock."""
        now: float = await self.page.evaluate("performance.now()")
        return now

    async def heard_until(self, ms: float) -> Heard:
        """Return what the page has played, once it is later by the page's clock."""
        await self.page.evaluate("ms => heard.until(ms)", ms)
        return await self.heard()

    async def heard_loud(self, blocks: int) -> Heard:
        """Return what the page has played, once so many blocks of it were to be heard.

        Raises:
            TimeoutError: There was too little.
        """
        heard = await self.heard()
        with anyio.fail_after(PATIENCE_MS / 1000):
            while len(heard.loud_ms) < blocks:
                heard = await self.heard_until(await self.now_ms())
        return heard

    async def heard(self) -> Heard:
        """Return what the page has played so far."""
        told = await self.page.evaluate("heard.told()")
        samples = np.frombuffer(base64.b64decode(told["samples"]), np.float32)
        return Heard(samples.reshape(-1, 1024), np.array(told["ends_ms"], np.float32))


class Chromium:
    """A browser.

    Args:
        browser: It.
        recording: Where its microphone's sound is read from, when a page opens it.
    """

    def __init__(self, browser: Browser, recording: Path) -> None:
        self._browser = browser
        self._recording = recording

    def will_hear(self, pcm: bytes) -> None:
        """Have the microphone hear 24 kHz PCM once it is opened, and silence from then on."""
        # Where a file ends, Chromium goes on with the last sound in it.
        write_wav(self._recording, pcm + silence(500))

    @asynccontextmanager
    async def visit(self, url: str, path: str = "", **context: Any) -> AsyncIterator[Visit]:
        """Open the console of a server in a window of its own.

        Args:
            url: The server's address.
            path: Another page of it.
            context: The window, as Playwright takes it.
        """
        window = await self._browser.new_context(**context)
        window.set_default_timeout(PATIENCE_MS)
        try:
            page = await window.new_page()
            await page.add_init_script(path=_TAP)
            visit = Visit(page, url)
            await page.goto(url + path)
            yield visit
        finally:
            await window.close()


@asynccontextmanager
async def open_chromium(path: str) -> AsyncIterator[Chromium]:
    """Start a browser.

    Args:
        path: Where it is installed.
    """
    with TemporaryDirectory() as folder:
        recording = Path(folder, "microphone.wav")
        flags = [*_FLAGS, f"--use-file-for-fake-audio-capture={recording}%noloop"]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=path, args=flags)
            try:
                yield Chromium(browser, recording)
            finally:
                await browser.close()
