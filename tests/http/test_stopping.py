"""A server as the operating system ends it: a process of its own, and real signals."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.lowlevel
import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect

from antiphon.http.stopping import HangUps, on_signals
from tests.support.client import PATIENCE_S

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals")

CONFIGURATION = """
port = 0
transcriber = "scripted"
language_model = "scripted"
synthesizer = "scripted"
voice_detector = "scripted"
log_level = "info"
"""


@dataclass(frozen=True)
class Process:
    """A server's.

    Attributes:
        running: The process.
        url: The server's address.
        configuration: Its file.
        log: The file that it logs to.
    """

    running: subprocess.Popen[str]
    url: str
    configuration: Path
    log: Path

    def send(self, number: signal.Signals) -> None:
        self.running.send_signal(number)

    async def ended(self) -> int:
        """Wait for the end, and return the exit code."""
        return await anyio.to_thread.run_sync(self.running.wait, PATIENCE_S)

    async def logged(self, words: str) -> None:
        """Wait until something is logged."""
        with anyio.fail_after(PATIENCE_S):
            while words not in self.log.read_text():  # noqa: ASYNC110 (another process writes it)
                await anyio.sleep(0.01)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[ClientConnection]:
        async with connect(f"ws{self.url.removeprefix('http')}/v1/realtime") as socket:
            assert json.loads(await socket.recv())["type"] == "session.created"
            yield socket


def begun(configuration: Path, log: Path) -> subprocess.Popen[str]:
    with log.open("w") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "antiphon.cli", "serve", "--config", str(configuration)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


@asynccontextmanager
async def server(folder: Path, more: str = "") -> AsyncIterator[Process]:
    """Run a server until the context ends."""
    configuration, log = folder / "antiphon.toml", folder / "log"
    configuration.write_text(f'home = "{folder}"\n{CONFIGURATION}{more}')
    running = begun(configuration, log)
    with running:
        try:
            assert running.stdout is not None
            line = await anyio.to_thread.run_sync(running.stdout.readline)
            url = line.rpartition(" ")[2].strip().removesuffix("/v1")
            yield Process(running, url, configuration, log)
        finally:
            running.kill()


async def end_of(socket: ClientConnection) -> tuple[int | None, str | None]:
    with anyio.fail_after(PATIENCE_S):
        await socket.wait_closed()
    return socket.close_code, socket.close_reason


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_without_sessions_ends_at_once_and_well(number, tmp_path):
    async with server(tmp_path) as process:
        process.send(number)
        assert await process.ended() == 0


async def test_a_terminated_server_drains_then_closes_its_sessions(tmp_path):
    async with (
        server(tmp_path, "drain_s = 4") as process,
        process.session() as socket,
        httpx2.AsyncClient(base_url=process.url) as client,
    ):
        assert (await client.get("/readyz")).status_code == 200  # and connected, for what follows
        process.send(signal.SIGTERM)
        await process.logged("ending, with 1 sessions")
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
        assert await end_of(socket) == (1001, "The server is shutting down.")
        assert await process.ended() == 0


async def test_a_second_signal_ends_it_at_once(tmp_path):
    async with server(tmp_path, "drain_s = 600") as process, process.session() as socket:
        process.send(signal.SIGTERM)
        await process.logged("ending, with 1 sessions")
        process.send(signal.SIGINT)
        await end_of(socket)
        assert await process.ended() == 0
        await process.logged("ending at once; 1 sessions are cut off")


async def test_a_second_signal_ends_it_at_once_while_it_loads_and_a_hang_up_does_not(tmp_path):
    configuration, log = tmp_path / "antiphon.toml", tmp_path / "log"
    os.mkfifo(script := tmp_path / "script.toml")
    configuration.write_text(f'home = "{tmp_path}"\n{CONFIGURATION}script = "{script}"\n')
    with begun(configuration, log) as running:
        try:
            writer = await opened_by_a_reader(script)  # which reads on, since nothing comes
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                running.send_signal(number)
            assert await anyio.to_thread.run_sync(running.wait, PATIENCE_S) == 1
            os.close(writer)
        finally:
            running.kill()
    assert "ending at once, while engines are loaded" in log.read_text()


async def opened_by_a_reader(pipe: Path) -> int:
    """Open a pipe for writing, as soon as somebody reads from it."""
    with anyio.fail_after(PATIENCE_S):
        while True:
            with contextlib.suppress(OSError):
                return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            await anyio.sleep(0.01)


async def turns() -> None:
    """Let the event loop do what it has to do about signals."""
    for _ in range(5):
        await anyio.lowlevel.checkpoint()


async def test_hang_ups_wait_until_they_can_be_answered_and_a_storm_of_them_is_one():
    hang_ups, answers = HangUps(), []
    with on_signals({"SIGHUP": hang_ups.note}):
        signal.raise_signal(signal.SIGHUP)
        await turns()
        with hang_ups.answered_by(lambda: answers.append("loaded")):
            await turns()
            assert answers == ["loaded"]
            for _ in range(100):
                signal.raise_signal(signal.SIGHUP)
            await turns()
            assert answers == ["loaded", "loaded"]
        signal.raise_signal(signal.SIGHUP)
        await turns()
    assert len(answers) == 2


async def test_a_hung_up_server_reads_its_configuration_again(tmp_path):
    async with server(tmp_path) as process, process.session() as socket:
        configuration = process.configuration.read_text()
        process.configuration.write_text(configuration + "max_sessions = 1\n")
        process.send(signal.SIGHUP)
        await process.logged("changed: max_sessions")
        async with httpx2.AsyncClient(base_url=process.url) as client:
            assert (await client.get("/readyz")).json()["reasons"][0]["code"] == "server_full"
        process.configuration.write_text(configuration + "max_sessions = 0\n")
        process.send(signal.SIGHUP)
        await process.logged("the configuration stays as it was")
        await socket.send(json.dumps({"type": "input_audio_buffer.clear"}))
        assert json.loads(await socket.recv())["type"] == "input_audio_buffer.cleared"
