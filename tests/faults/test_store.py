"""The database goes and comes back in the midst of a conversation, which does not notice.

That records wait, or are lost and counted, on a full disk and without PostgreSQL, is in
``tests/store/test_store.py``.
"""

from __future__ import annotations

import anyio

from antiphon.config import StoreChoice
from tests.support.client import PATIENCE_S
from tests.support.server import Served, running_server


async def test_a_conversation_goes_on_without_its_database_and_is_kept_when_that_is_back(tmp_path):
    home = tmp_path / "disk"
    async with (
        running_server(home=home, store=StoreChoice()) as server,
        server.sdk() as client,
    ):
        before = await client.ask("One?")
        await until_failing(server, failing=False)
        home.rename(tmp_path / "unplugged")
        home.write_text("not a folder")
        without = await client.ask("Two?")
        await until_failing(server, failing=True)
        ready = await server.request("GET", "/readyz")
        assert (ready.status_code, "store_failing" in ready.text) == (200, True)
        home.unlink()
        (tmp_path / "unplugged").rename(home)
        await until_failing(server, failing=False)
        after = await client.ask("Three?")
        assert server.reception.store
        await server.reception.store.flush()
        kept = (await server.request("GET", "/v1/realtime/responses?order=asc")).json()["data"]
        assert [one["id"] for one in kept] == [before["id"], without["id"], after["id"]]
        assert {one["status"] for one in (before, without, after)} == {"completed"}


async def until_failing(server: Served, *, failing: bool) -> None:
    assert server.reception.store
    with anyio.fail_after(PATIENCE_S):
        while (server.reception.store.figures().failing_since_s is not None) != failing:
            await anyio.lowlevel.checkpoint()
