from __future__ import annotations

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from antiphon.http.keepalive import PING_STEP_S, WebSocketProtocol

INTERVAL_S = 20.0


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def no_app(scope, receive, send):
    raise AssertionError


def ping_due_s() -> float:
    config = uvicorn.Config(no_app, ws_ping_interval=INTERVAL_S, log_config=None)
    config.load()
    connection = WebSocketProtocol(config, ServerState(), {})
    connection.schedule_ping()
    assert connection.ping_timer is not None
    due_s = connection.ping_timer.when()
    connection.stop_keepalive()
    return due_s


async def test_connections_that_opened_in_the_same_second_are_pinged_together():
    loop = asyncio.get_running_loop()
    await asyncio.sleep(PING_STEP_S - loop.time() % PING_STEP_S + 0.1)
    opened_s = loop.time()
    first = ping_due_s()
    await asyncio.sleep(0.7)
    assert ping_due_s() == first
    assert INTERVAL_S <= first - opened_s <= INTERVAL_S + PING_STEP_S


async def test_connections_that_opened_later_are_pinged_later():
    first = ping_due_s()
    await asyncio.sleep(3 * PING_STEP_S)
    assert ping_due_s() == pytest.approx(first + 3 * PING_STEP_S)
