from __future__ import annotations

import os
import socket
import time

import pytest
from anyio import to_thread

from antiphon.http.supervisor import tell_of_end, telling_of_reload, watched

PATIENCE_S = 10.0


@pytest.fixture
def told(tmp_path, monkeypatch):
    """What a supervisor is told: a function that returns the next of it."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(address)
        supervisor.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.delenv("WATCHDOG_USEC", raising=False)
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield lambda: supervisor.recv(4096).decode()


async def test_a_supervisor_is_told_that_the_server_is_ready_and_that_it_ends(told):
    with watched():
        assert told() == "READY=1"
        tell_of_end()
    assert told() == "STOPPING=1"


async def test_a_supervisor_is_told_of_a_reload_with_its_time(told):
    before_us = time.monotonic_ns() // 1000
    with telling_of_reload():
        reloading, moment = told().splitlines()
    assert reloading == "RELOADING=1"
    assert moment.startswith("MONOTONIC_USEC=")
    assert before_us <= int(moment.partition("=")[2]) <= time.monotonic_ns() // 1000
    assert told() == "READY=1"


async def test_a_supervisor_that_asks_for_signs_of_life_gets_them(told, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "2000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    with watched():
        assert told() == "READY=1"
        tell_of_end()  # which comes before: signs of life are the event loop's
        assert told() == "STOPPING=1"
        for _ in range(3):
            assert await to_thread.run_sync(told) == "WATCHDOG=1"


@pytest.mark.parametrize("of_whom", [("WATCHDOG_PID", "1"), ("WATCHDOG_USEC", "soon")])
async def test_signs_of_life_that_are_another_process_s_are_not_sent(told, monkeypatch, of_whom):
    monkeypatch.setenv("WATCHDOG_USEC", "2000")
    monkeypatch.setenv(*of_whom)
    with watched():
        assert told() == "READY=1"
        await to_thread.run_sync(lambda: None)
        tell_of_end()
        assert told() == "STOPPING=1"


@pytest.mark.skipif(not hasattr(socket, "SOCK_CLOEXEC"), reason="an address of Linux alone")
async def test_the_address_may_be_of_the_abstract_namespace(monkeypatch):
    name = f"antiphon-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(f"\0{name}")
        supervisor.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        tell_of_end()
        assert supervisor.recv(4096) == b"STOPPING=1"


async def test_a_supervisor_that_is_gone_is_a_line_in_the_log(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    with watched():
        pass
    assert "could not be told 'READY=1'" in caplog.text
