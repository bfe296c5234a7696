from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable

import anyio
import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, delete, select, text

from antiphon.errors import StoreError
from antiphon.store import reading
from antiphon.store.choices import StoreChoice
from antiphon.store.databases import LONGEST_QUERY_S
from antiphon.store.queue import QUEUE_BYTES
from antiphon.store.schema import items, responses
from antiphon.store.store import Store, open_store

from .support import PATIENCE_S, item, response, rows, said, until

ENDLESS = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT sum(n) FROM n"


@pytest.fixture
def home(tmp_path):
    return tmp_path


def at(url: str, **choice: object) -> StoreChoice:
    return StoreChoice(url=url, **choice)  # type: ignore[arg-type]


async def hold_up(store: Store) -> Callable[[], None]:
    """Keep the writer busy; return what lets it go on."""
    reached, let_go = threading.Event(), threading.Event()

    def hold(_connection: Connection) -> None:
        reached.set()
        let_go.wait(PATIENCE_S)

    store._writer.submit(hold)
    assert await anyio.to_thread.run_sync(reached.wait, PATIENCE_S)
    return let_go.set


async def until_failing(store: Store, *, failing: bool) -> None:
    await until(lambda: (store.figures().failing_since_s is not None) == failing)


async def test_what_is_put_is_written_without_being_asked_for(url, home):
    async with open_store(at(url), home) as store:
        store.put(response())
        await until(lambda: store.figures().written == 1)
        (row,) = await rows(store, responses)
        assert row["id"] == "resp_1"


async def test_what_waits_is_written_before_the_end(url, home):
    async with open_store(at(url), home) as store:
        for number in range(1_000):
            store.put(response(f"resp_{number}"))
    async with open_store(at(url), home) as store:
        assert len(await rows(store, responses)) == 1_000


async def test_only_its_owner_may_read_the_file(home):
    async with open_store(StoreChoice(), home):
        assert (home / "antiphon.db").stat().st_mode & 0o777 == 0o600


async def test_a_change_comes_after_what_was_put_before_it_and_is_all_or_nothing(url, home):
    def fail(connection):
        connection.execute(delete(responses))
        message = "changed its mind"
        raise LookupError(message)

    async with open_store(at(url), home) as store:
        store.put(response())
        with pytest.raises(LookupError):
            await store.change(fail)
        deleted = await store.change(lambda c: c.execute(delete(responses)).rowcount)
        assert deleted == 1
        assert store.figures().failing_since_s is None


async def test_readers_cannot_write(url, home):
    async with open_store(at(url), home) as store:
        with pytest.raises(StoreError, match="cannot be read"):
            await store.reading.run(lambda c: c.execute(delete(responses)))


async def test_a_record_that_no_database_takes_is_left_out_and_the_others_are_kept(
    url, home, caplog
):
    async with open_store(at(url), home) as store:
        store.put(item(said("private", "too_far"), position=2**70))
        store.put(item(said("kept", "item_2")))
        (row,) = await rows(store, items)
        assert row["id"] == "item_2"
        assert (store.figures().written, store.figures().lost) == (1, 1)
        assert store.figures().failing_since_s is None
    assert "a ItemKept cannot be kept" in caplog.text
    assert "private" not in caplog.text


# --- when the database is not there ---------------------------------------------------------------


async def test_while_postgresql_is_gone_records_wait_and_then_all_are_there(
    postgresql, home, caplog
):
    async with open_store(at(postgresql.database()), home) as store:
        store.put(response("resp_before"))
        await store.flush()
        await anyio.to_thread.run_sync(postgresql.stop)
        try:
            began_s = time.perf_counter()
            for number in range(200):
                store.put(response(f"resp_{number}"))
            took_s = time.perf_counter() - began_s
            await until_failing(store, failing=True)
            with pytest.raises(StoreError, match="cannot be used at the moment"):
                await store.flush()
            with pytest.raises(StoreError):
                await store.reading.run(lambda c: c.execute(select(responses)).all())
        finally:
            await anyio.to_thread.run_sync(postgresql.start)
        await until_failing(store, failing=False)
        assert len(await rows(store, responses)) == 201
        assert store.figures().lost == 0
    assert took_s < 0.2, "nobody waits for a database"
    assert caplog.text.count("nothing can be written") == 1
    assert "can be written to again; 0 records are lost" in caplog.text


@pytest.mark.skipif(os.getuid() == 0, reason="root may write whatever the rights say")
async def test_a_file_that_may_not_be_written_fails_at_the_start_with_a_remedy(home):
    home.chmod(0o500)
    with pytest.raises(StoreError, match="keep nothing"):
        async with open_store(StoreChoice(), home):
            pass


async def test_a_folder_that_is_a_file_fails_at_the_start_with_a_remedy(home):
    (home / "file").write_text("")
    with pytest.raises(StoreError, match="keep nothing"):
        async with open_store(StoreChoice(), home / "file"):
            pass


async def test_when_the_file_is_moved_away_a_new_one_takes_its_place(home):
    async with open_store(StoreChoice(), home) as store:
        store.put(response("resp_old"))
        await store.flush()
        (home / "antiphon.db").rename(home / "moved.db")
        store.put(response("resp_new"))
        assert [row["id"] for row in await rows(store, responses)] == ["resp_new"]
    async with open_store(at(f"sqlite:///{home / 'moved.db'}"), home) as store:
        assert [row["id"] for row in await rows(store, responses)] == ["resp_old"]


async def test_when_the_folder_is_gone_records_wait_for_it(home):
    folder = home / "disk"
    async with open_store(StoreChoice(), folder) as store:
        folder.rename(home / "unplugged")
        folder.write_text("not a folder")
        store.put(response())
        await until_failing(store, failing=True)
        folder.unlink()
        (home / "unplugged").rename(folder)
        await until_failing(store, failing=False)
        assert len(await rows(store, responses)) == 1


async def test_what_does_not_fit_into_the_queue_is_lost_and_counted(home, caplog):
    big = said("x" * (QUEUE_BYTES // 10))
    async with open_store(StoreChoice(), home) as store:
        let_go = await hold_up(store)
        for _ in range(5):
            store.put(item(big))
        assert store.figures().queued == 3
        assert store.figures().lost == 2
        assert store.figures().queued_bytes <= QUEUE_BYTES
        let_go()
        await store.flush()
        store.put(item(big))
        await store.flush()
        assert (store.figures().written, store.figures().lost) == (4, 2)
    assert "2 records are lost" in caplog.text


async def test_a_full_disk_stops_nobody_and_nothing_is_lost_once_there_is_room(home):
    program = """
import anyio, resource, sys
from pathlib import Path
from antiphon.store.choices import StoreChoice
from antiphon.store.schema import responses
from antiphon.store.store import open_store
from tests.store.support import item, response, rows, said

async def main(home):
    async with open_store(StoreChoice(), home) as store:
        most, hard = 400_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        for number in range(300):
            store.put(item(said("x" * 5_000, f"item_{number}")))
            store.put(response(f"resp_{number}"))
        while store.figures().failing_since_s is None:
            await anyio.sleep(0.01)
        print("failing")
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        print(len(await rows_when_back(store)), store.figures().lost)

async def rows_when_back(store):
    while store.figures().failing_since_s is not None:
        await anyio.sleep(0.01)
    return await rows(store, responses)

anyio.run(main, Path(sys.argv[1]))
"""
    with anyio.fail_after(2 * PATIENCE_S):
        done = await anyio.run_process([sys.executable, "-c", program, str(home)])
    assert done.stdout.split() == [b"failing", b"300", b"0"]
    assert b"nothing can be written" in done.stderr


# --- what clients may send ------------------------------------------------------------------------


async def test_no_text_and_no_name_holds_up_the_others(url, home):
    """PostgreSQL refuses to index many different words, and names that are long."""
    words = " ".join(f"{number:x}-{number + 1:x}" for number in range(2**17))
    noise = "".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(128))
    async with open_store(at(url), home) as store:
        store.put(item(said(words, "many_words")))
        store.put(replace(response("resp_noisy"), model=noise))
        store.put(item(said("short", noise)))
        store.put(item(said("kept", "item_2")))
        await store.flush()
        assert {"many_words", "item_2"} <= {row["id"] for row in await rows(store, items)}
        (row,) = await rows(store, responses)
        assert row["model"] == noise[:256]
        assert store.figures().failing_since_s is None


async def test_what_takes_too_long_to_be_found_is_given_up(home, monkeypatch):
    """As PostgreSQL does by its own time-out; others wait for the connection."""
    monkeypatch.setattr(reading, "LONGEST_QUERY_S", 0.05)
    async with open_store(StoreChoice(), home) as store:
        with pytest.raises(StoreError, match="interrupted"):
            await store.reading.run(lambda c: c.execute(text(ENDLESS)).all())
        assert await store.reading.run(lambda c: c.execute(select(responses)).all()) == []


async def test_a_store_that_is_closed_says_so(url, home):
    async with open_store(at(url), home) as store:
        pass
    with anyio.fail_after(5):
        with pytest.raises(StoreError, match="closed"):
            await store.flush()
        with pytest.raises(StoreError, match="closed"):
            await store.reading.run(lambda c: c.execute(select(responses)).all())


async def test_a_store_that_closes_gives_up_what_is_being_looked_for(url, home):
    """Python does not end before its threads: the server would hang until they are done."""
    endless = ENDLESS if url.startswith("sqlite") else "SELECT pg_sleep(600)"
    reached = threading.Event()

    def look(connection: Connection) -> None:
        reached.set()
        connection.execute(text(endless))

    async with open_store(at(url), home) as store:
        looking = asyncio.ensure_future(store.reading.run(look))
        assert await anyio.to_thread.run_sync(reached.wait, PATIENCE_S)
    with anyio.fail_after(LONGEST_QUERY_S / 2), pytest.raises(StoreError, match="cannot be read"):
        await looking


async def test_an_address_that_cannot_be_read_is_refused_without_showing_it(home):
    with pytest.raises(StoreError, match="cannot be read") as refused:
        async with open_store(at("postgresql://user:secret@host:port/name"), home):
            pass
    assert "secret" not in str(refused.value)
