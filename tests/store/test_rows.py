from __future__ import annotations

import io

import pytest
import soundfile
from msgspec.structs import replace
from sqlalchemy import select, text

from antiphon.store.records import (
    AudioCut,
    ConversationNamed,
    ItemDeleted,
    ItemsMoved,
    SessionClosed,
)
from antiphon.store.rows import write
from antiphon.store.schema import (
    audio,
    item_text,
    items,
    response_metadata,
    responses,
    sessions,
)

from .support import CONVERSATION, SESSION, item, opened, response, rows_in, said, sound


@pytest.fixture
def keep(database):
    def keep(*records):
        with database.connect() as connection, connection.begin():
            write(connection, records)

    return keep


def words_found(database, word):
    by_index = {
        "sqlite": "SELECT rowid AS id FROM item_words WHERE item_words MATCH :word",
        "postgresql": "SELECT id FROM item_text"
        " WHERE to_tsvector('simple', text) @@ plainto_tsquery('simple', :word)",
    }
    with database.read() as connection:
        return connection.execute(text(by_index[connection.dialect.name]), {"word": word}).all()


def test_a_response_is_kept_as_it_was_sent_with_what_it_is_found_by(database, keep):
    kept = response(metadata={"order": "42", "who": "Ada"})
    keep(kept)
    (row,) = rows_in(database, responses)
    assert row["body"].encode() == kept.body
    assert (row["status"], row["input_tokens"], row["output_tokens"]) == ("completed", 4, 3)
    assert (row["created_at"], row["ended_at"], row["key_name"]) == (1_000, 1_500, "app")
    pairs = rows_in(database, response_metadata)
    assert [(pair["key"], pair["value"]) for pair in pairs] == [("order", "42"), ("who", "Ada")]


def test_the_last_that_was_told_of_an_item_holds(database, keep):
    keep(item(said("first")), item(said("second")))
    keep(item(said("third")))
    (row,) = rows_in(database, items)
    assert b'"third"' in row["body"].encode()
    assert words_found(database, "third")
    assert not words_found(database, "first")
    assert not words_found(database, "second")


def test_nothing_of_a_deleted_item_stays(database, keep):
    keep(item(said("secret")), sound())
    keep(ItemDeleted(CONVERSATION, "item_1"))
    assert [rows_in(database, table) for table in (items, item_text, audio)] == [[], [], []]
    assert not words_found(database, "secret")


def test_an_item_may_come_again_after_it_was_deleted(database, keep):
    keep(item(said("secret")), ItemDeleted(CONVERSATION, "item_1"), item(said("plain")))
    (row,) = rows_in(database, items)
    assert "plain" in row["body"]


def test_a_session_is_known_before_and_after_its_end(database, keep):
    keep(opened())
    keep(SessionClosed(id=SESSION, closed_at=2_000, close_code=1000, close_reason="Done."))
    (row,) = rows_in(database, sessions)
    assert (row["opened_at"], row["closed_at"], row["close_code"]) == (1_000, 2_000, 1000)


def test_items_are_filed_anew_when_the_conversation_gets_its_name(database, keep):
    early = item(said("early"), conversation_id=SESSION)
    keep(early, ConversationNamed(SESSION, "conv_late"))
    (row,) = rows_in(database, items)
    assert row["conversation_id"] == "conv_late"
    assert [found["conversation_id"] for found in rows_in(database, item_text)] == ["conv_late"]


def test_items_can_make_room_for_others(database, keep):
    keep(item(said("one", "a"), position=1), item(said("two", "b"), position=2))
    keep(ItemsMoved(CONVERSATION, {"a": 10, "b": 20}))
    assert [row["position"] for row in rows_in(database, items)] == [10, 20]


def test_audio_is_kept_exactly_and_ends_where_it_ceased_to_be_heard(database, keep):
    keep(sound(seconds=1.0))
    keep(AudioCut(CONVERSATION, "item_1", 250))
    with database.read() as connection:
        row = connection.execute(select(audio)).one()
    samples, rate_hz = soundfile.read(io.BytesIO(row.sound), dtype="int16")
    assert (row.format, row.rate_hz, row.duration_ms, rate_hz) == ("flac", 16_000, 250, 16_000)
    assert len(samples) == 4_000


def test_texts_that_no_database_takes_are_kept_all_the_same(database, keep):
    keep(
        response(metadata={"nul\x00key": "nul\x00value"}),
        item(said("null\x00 character", "nul\x00id")),
    )
    (pair,) = rows_in(database, response_metadata)
    assert (pair["key"], pair["value"]) == ("nul\ufffdkey", "nul\ufffdvalue")
    (row,) = rows_in(database, items)
    assert "\\u0000" in row["body"]


def test_what_was_deleted_does_not_come_again_with_a_change(database, keep):
    """As when the client truncates what another has deleted through the API."""
    keep(item(said("secret", "a")), item(said("other", "b")))
    keep(ItemDeleted(CONVERSATION, "a"))
    keep(replace(item(said("less", "a")), is_change=True))
    keep(replace(item(said("changed", "b")), is_change=True))
    keep(item(said("new", "c")), replace(item(said("at once", "c")), is_change=True))
    assert [row["id"] for row in rows_in(database, items)] == ["b", "c"]
    assert [row["text"] for row in rows_in(database, item_text)] == ["changed", "at once"]


def test_an_item_that_is_deleted_is_no_output_any_more(database, keep):
    spoken = (said("secret", "a"), said("stays", "b"))
    keep(*(item(one, response_id="resp_1") for one in spoken), response(output=spoken))
    keep(ItemDeleted(CONVERSATION, "a"))
    (row,) = rows_in(database, responses)
    assert "secret" not in row["body"]
    assert "stays" in row["body"]
