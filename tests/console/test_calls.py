"""Calls from browsers: many of them, and one that vanishes."""

from __future__ import annotations

import contextlib

import anyio
from playwright.async_api import Error, expect

from tests.support.server import running_server

CALLS = 10

VANISHED_WITHIN_S = 15.0
"""After that the call of a tab that was killed is over."""


async def test_ten_calls_at_once_are_all_answered_aloud(chromium):
    async with running_server() as server, contextlib.AsyncExitStack() as stack:
        visits = [await stack.enter_async_context(chromium.visit(server.url)) for _ in range(CALLS)]

        async def ask(number):
            visit = visits[number]
            await visit.connect("webrtc")
            await visit.ask(f"This is number {number}.")
            said = visit.page.locator(".said-words:not(.unfinished)")
            await expect(said).to_have_text(
                [f"This is number {number}.", f"You said: This is number {number}."]
            )
            await expect(visit.page.locator("#sounding")).to_have_text("Speaking")
            await expect(visit.page.locator("#sounding")).to_have_text("Silent")

        async with anyio.create_task_group() as tasks:
            for number in range(CALLS):
                tasks.start_soon(ask, number)
        assert server.reception.open_sessions == CALLS
        heard = [await visit.heard() for visit in visits]
    assert all(len(one.loud_ms) > 10 for one in heard)
    assert [complaint for visit in visits for complaint in visit.complaints] == []


async def test_the_call_of_a_tab_that_is_killed_is_over_soon(chromium):
    async with running_server() as server, chromium.visit(server.url) as visit:
        await visit.connect("webrtc")
        assert server.reception.open_sessions == 1
        with contextlib.suppress(Error):  # the page is gone before it has been there
            await visit.page.goto("chrome://crash")
        with anyio.fail_after(VANISHED_WITHIN_S):
            await server.wait_until_empty()
