"""A tab that is killed takes leave of nobody: its call has to end by itself."""

from __future__ import annotations

import contextlib

import anyio
from playwright.async_api import Error

from tests.support.server import running_server

FREED_WITHIN_S = 15


async def test_a_killed_tab_frees_its_call(chromium):
    async with running_server() as server, chromium.visit(server.url) as visit:
        await visit.connect("webrtc")
        assert server.reception.open_sessions == 1
        devtools = await visit.page.context.new_cdp_session(visit.page)
        killed = anyio.Event()
        visit.page.on("crash", lambda _page: killed.set())
        with anyio.fail_after(FREED_WITHIN_S):
            async with anyio.create_task_group() as tasks:

                async def kill() -> None:
                    with contextlib.suppress(Error):  # a dead page does not answer
                        await devtools.send("Page.crash")

                tasks.start_soon(kill)
                await killed.wait()
                tasks.cancel_scope.cancel()
            await server.wait_until_empty()
