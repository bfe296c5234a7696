from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from antiphon.store.choices import StoreChoice
from antiphon.store.deletion import delete_conversation, delete_response
from antiphon.store.records import ItemDeleted
from antiphon.store.rows import write
from antiphon.store.schema import (
    METADATA,
    audio,
    item_text,
    items,
    latency_counts,
    response_metadata,
    responses,
    sessions,
    usage_hours,
)
from antiphon.store.store import open_store

from .support import CONVERSATION, item, opened, response, rows_in, said, sound, until

SECRET = "xylophonist"


@pytest.fixture
def kept(database):
    """A conversation of a question and an answer, with audio, and a response out of band."""
    with database.connect() as connection, connection.begin():
        records = (
            opened(),
            item(said("question", "asked"), position=1),
            item(said("answer", "answered"), position=2, response_id="resp_1"),
            item(said("aside", "apart"), position=None, response_id="resp_2"),
            sound("asked"),
            sound("answered"),
            response("resp_1", metadata={"a": "b"}),
            response("resp_2", metadata={"a": "c"}),
        )
        write(connection, records)
    return database


def change(database, work, *arguments):
    with database.connect() as connection, connection.begin():
        return work(connection, *arguments)


def test_a_response_goes_with_its_output_and_what_it_answered_stays(kept):
    assert change(kept, delete_response, "resp_1")
    assert [row["id"] for row in rows_in(kept, responses)] == ["resp_2"]
    assert [row["value"] for row in rows_in(kept, response_metadata)] == ["c"]
    assert {row["id"] for row in rows_in(kept, items)} == {"asked", "apart"}
    assert {row["item_id"] for row in rows_in(kept, item_text)} == {"asked", "apart"}
    assert {row["item_id"] for row in rows_in(kept, audio)} == {"asked"}
    assert not change(kept, delete_response, "resp_1")


def test_a_conversation_goes_with_everything(kept):
    assert change(kept, delete_conversation, CONVERSATION)
    tables = (sessions, responses, response_metadata, items, item_text, audio)
    assert [rows_in(kept, table) for table in tables] == [[]] * 6
    assert not change(kept, delete_conversation, CONVERSATION)


def files_with_secret(folder: Path) -> list[str]:
    files = [file for file in folder.iterdir() if file.is_file()]
    return [file.name for file in files if SECRET.encode() in file.read_bytes()]


async def test_what_is_deleted_is_in_no_file_any_more(tmp_path):
    """Neither in tables nor in the index of words, the write-ahead log or free pages."""
    async with open_store(StoreChoice(), tmp_path) as store:
        for number in range(50):
            store.put(item(said(f"{SECRET} {number}", f"item_{number}"), response_id="resp_1"))
        store.put(response("resp_1", metadata={"what": SECRET}, output=(said(SECRET),)))
        for number in range(50):  # what stays
            store.put(item(said(f"kept {number}", f"other_{number}")))
        await store.flush()
        assert files_with_secret(tmp_path)
        assert await store.change(lambda connection: delete_response(connection, "resp_1"))
        await until(lambda: not files_with_secret(tmp_path))
        left = await store.reading.run(
            lambda connection: connection.scalar(select(func.count()).select_from(items))
        )
        assert left == 50


async def test_an_item_that_a_client_deletes_is_in_no_file_any_more(tmp_path):
    async with open_store(StoreChoice(), tmp_path) as store:
        store.put(item(said(SECRET)))
        await store.flush()
        assert files_with_secret(tmp_path)
        store.put(ItemDeleted(CONVERSATION, "item_1"))
        await until(lambda: not files_with_secret(tmp_path))


def test_all_tables_are_thought_of():
    deleted_from = {sessions, responses, response_metadata, items, item_text, audio}
    sums = {usage_hours, latency_counts}  # they tell of nobody in particular
    assert set(METADATA.tables.values()) == deleted_from | sums, "delete from it as well"
