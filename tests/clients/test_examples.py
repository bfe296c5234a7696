"""The examples for other clients, as their readers run them, against a server with a story."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from playwright.async_api import expect

from antiphon.engines.scripted.script import Call, Say, Script, Sound, Take
from tests.clients.environments import environment_of
from tests.console.chromium import a_browser
from tests.support.server import running_server
from tests.support.sound import silence, speech

EXAMPLES = Path(__file__).parents[2] / "examples"

SILENT_WITHIN_MS = 300
"""From an interruption to the last sound: there and back, and the browser's buffers."""

SCRIPT = Script(
    answers=(
        Take((Call("get_weather", '{"city": "Oslo"}'),)),
        Take((Say("It rains."),)),
    ),
    # Goes on, in real time, until it is interrupted.
    speeches=(Take((Sound(60_000, every_ms=100),)),),
)


@pytest.fixture(scope="module")
async def chromium():
    """A browser."""
    async with a_browser() as browser:
        yield browser


def copy_of(name: str, folder: Path) -> Path:
    """A copy of an example with its packages, installed."""
    copy = folder / name
    shutil.copytree(EXAMPLES / name, copy, ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(environment_of("node").node_modules)
    return copy


@contextmanager
def page_server(folder: Path, antiphon_url: str):
    """The example's own server; yields its address."""
    with subprocess.Popen(
        [environment_of("node").node, "server.mjs"],
        cwd=folder,
        env={"ANTIPHON_URL": antiphon_url, "PORT": "0"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.kill()


async def test_the_agents_sdk_in_a_page_calls_a_tool_and_is_interrupted(
    chromium,
    tmp_path,
):
    chromium.will_hear(silence(1_000) + speech(800))
    example = copy_of("browser", tmp_path)
    async with running_server(SCRIPT) as server:
        with page_server(example, server.url) as url:
            async with chromium.visit(url) as visit:
                said = visit.page.locator("#said")
                await visit.page.click("#start")
                await expect(visit.page.locator("#state")).to_contain_text("Connected")
                await expect(said).to_contain_text("user: Hello there.")
                await expect(said).to_contain_text("It is raining in Oslo, at 7 degrees.")
                await expect(said).to_contain_text("assistant:")
                await visit.heard_until(await visit.now_ms() + 1_000)
                await visit.page.click("#interrupt")
                interrupted_ms = await visit.now_ms()
                loud_ms = (await visit.heard_until(interrupted_ms + 1_500)).loud_ms
    assert interrupted_ms - 1_000 < loud_ms.max() < interrupted_ms + SILENT_WITHIN_MS


async def test_the_sdk_for_javascript_asks_in_writing(tmp_path):
    example = copy_of("node", tmp_path)
    async with running_server() as server:
        done = await anyio.run_process(
            [environment_of("node").node, "ask.mjs", "Good morning."],
            cwd=example,
            env={"ANTIPHON_URL": f"{server.url}/v1"},
        )
    assert done.stdout.decode() == "You said: Good morning.\n"


async def test_the_sdk_for_python_talks_by_microphone(tmp_path):
    shutil.copy(Path(__file__).with_name("sounddevice.py"), tmp_path)
    async with running_server() as server:
        process = await anyio.open_process(
            [sys.executable, EXAMPLES / "microphone.py"],
            env={"ANTIPHON_URL": f"{server.url}/v1", "PYTHONPATH": str(tmp_path)},
        )
        assert process.stdout
        printed = b""
        with anyio.fail_after(30):
            while b"Antiphon: " not in printed:
                printed += await process.stdout.receive()
        process.kill()
        await process.aclose()
    assert printed.decode().splitlines()[:2] == [
        "You:      Hello there.",
        "Antiphon: You said: Hello there.",
    ]
