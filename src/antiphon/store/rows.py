"""Makes rows of records. Of records about the same thing only the last is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET
from msgspec.structs import replace
from sqlalchemy import Connection, Insert, Table, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import Executable

from antiphon.store import sounds
from antiphon.store.deletion import ITEM_KEY
from antiphon.store.records import (
    AudioCut,
    ConversationNamed,
    ItemDeleted,
    ItemKept,
    ItemsMoved,
    Record,
    ResponseKept,
    SessionClosed,
    SessionOpened,
    Sound,
)
from antiphon.store.schema import audio, item_text, items, response_metadata, responses, sessions
from antiphon.store.sums import add_to_sums
from antiphon.store.texts import storable, text_of
from antiphon.wire.codec import encode
from antiphon.wire.items import Message
from antiphon.wire.response import RealtimeResponse, RealtimeResponseUsage

__all__ = ["write"]

_Row: TypeAlias = dict[str, Any]
_Item: TypeAlias = tuple[str, str]
"""Conversation id and item id."""

_NO_USAGE = RealtimeResponseUsage()


def write(connection: Connection, records: Iterable[Record]) -> None:
    """Write records, in their order.

    Args:
        connection: In a transaction, which the caller commits.
        records: What is to be kept.
    """
    rows = _Rows()
    for record in records:
        match record:
            case ConversationNamed() | ItemDeleted() | AudioCut():
                rows.write(connection)  # they are about what came before
                rows = _Rows()
                _change(connection, record)
            case _:
                rows.add(record)
    rows.write(connection)


class _Rows:
    """The rows of some records, by what identifies each."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Row] = {}
        self._closed: dict[str, _Row] = {}
        self._responses: dict[str, _Row] = {}
        self._metadata: dict[tuple[str, str], _Row] = {}
        self._items: dict[_Item, _Row] = {}
        self._new: set[_Item] = set()  # of the items, those that were not kept before
        self._moved: dict[_Item, int] = {}
        self._texts: dict[_Item, str] = {}
        self._sounds: dict[_Item, Sound] = {}

    def add(self, record: Record) -> None:
        """Take one more record."""
        match record:
            case SessionOpened():
                self._sessions[record.id] = _session_row(record)
            case SessionClosed():
                self._closed[record.id] = _closed_row(record)
            case ResponseKept():
                self._responses[record.response.id] = _response_row(record)
                for row in _metadata_rows(record):
                    self._metadata[row["response_id"], row["key"]] = row
            case ItemKept():
                row = _item_row(record)
                place = (record.conversation_id, row["id"])
                self._items[place] = row
                if not record.is_change:
                    self._new.add(place)
                self._texts[place] = text_of(record.item)
            case ItemsMoved(conversation_id=conversation_id, positions=positions):
                for item_id, position in positions.items():
                    self._moved[conversation_id, storable(item_id)] = position
            case Sound():
                self._sounds[record.conversation_id, storable(record.item_id)] = record
            case _:
                message = f"{record} is about what is in the database already"
                raise TypeError(message)

    def write(self, connection: Connection) -> None:
        """Write everything."""
        self._leave_out_deleted(connection)
        emptied = [_keyed(place) for place, text in self._texts.items() if not text]
        _run(connection, _EMPTIED, emptied)
        _upsert(connection, sessions, self._sessions.values())
        _run(connection, _CLOSED, list(self._closed.values()))
        add_to_sums(connection, self._responses.values())
        _upsert(connection, responses, self._responses.values())
        _upsert(connection, response_metadata, self._metadata.values())
        _upsert(connection, items, self._items.values())
        moved = [{**_keyed(place), "new": new} for place, new in self._moved.items()]
        _run(connection, _MOVED, moved)
        _upsert(connection, item_text, _text_rows(self._texts))
        _upsert(connection, audio, [_sound_row(sound) for sound in self._sounds.values()])

    def _leave_out_deleted(self, connection: Connection) -> None:
        """Forget the changes of items that are not there any more."""
        changed = self._items.keys() - self._new
        if not changed:
            return
        there = select(*ITEM_KEY).where(tuple_(*ITEM_KEY).in_(changed))
        for place in changed.difference(tuple(key) for key in connection.execute(there)):
            del self._items[place], self._texts[place]


# --- what is about rows that are there already ----------------------------------------------------


def _change(connection: Connection, record: ConversationNamed | ItemDeleted | AudioCut) -> None:
    match record:
        case ConversationNamed(session_id=session_id, conversation_id=conversation_id):
            for table in (sessions, items, item_text, audio):
                renamed = update(table).where(table.c.conversation_id == session_id)
                connection.execute(renamed.values(conversation_id=conversation_id))
        case ItemDeleted(conversation_id=conversation_id, item_id=item_id):
            place = {"of": conversation_id, "which": storable(item_id)}
            made_by = connection.scalar(_MAKER, place)
            if made_by is not None:
                _leave_out_of_output(connection, made_by, item_id)
            for statement in (_DELETED, _EMPTIED, _SILENCED):
                connection.execute(statement, place)
        case AudioCut(conversation_id=conversation_id, item_id=item_id, heard_ms=heard_ms):
            of_item = (audio.c.conversation_id == conversation_id) & (
                audio.c.item_id == storable(item_id)
            )
            whole = connection.scalar(select(audio.c.sound).where(of_item))
            if whole is not None:
                shorter = sounds.cut(whole, heard_ms)
                connection.execute(update(audio).where(of_item).values(shorter._asdict()))


def _leave_out_of_output(connection: Connection, response_id: str, item_id: str) -> None:
    of_response = responses.c.id == response_id
    body = connection.scalar(select(responses.c.body).where(of_response))
    if body is not None:
        response = msgspec.json.decode(body, type=RealtimeResponse)
        left = tuple(item for item in response.output if item.id != item_id)
        shorter = encode(replace(response, output=left)).decode()
        connection.execute(update(responses).where(of_response).values(body=shorter))


# --- statements -----------------------------------------------------------------------------------


def _of_item(table: Table, item_id: str) -> Any:  # noqa: ANN401 (what SQLAlchemy makes of it)
    return (table.c.conversation_id == bindparam("of")) & (table.c[item_id] == bindparam("which"))


_MAKER = select(items.c.response_id).where(_of_item(items, "id"))
_DELETED = delete(items).where(_of_item(items, "id"))
_EMPTIED = delete(item_text).where(_of_item(item_text, "item_id"))
_SILENCED = delete(audio).where(_of_item(audio, "item_id"))

_CLOSED = (
    update(sessions)
    .where(sessions.c.id == bindparam("which"))
    .values(
        closed_at=bindparam("at"), close_code=bindparam("code"), close_reason=bindparam("reason")
    )
)

_MOVED = update(items).where(_of_item(items, "id")).values(position=bindparam("new"))

_UNIQUE = {item_text: ("conversation_id", "item_id")}
"""What identifies a row, where that is not the primary key."""


def _upserting(table: Table, dialect: str) -> Insert:
    """Return the statement that inserts rows, or replaces them."""
    inserting = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    identity = _UNIQUE.get(table, tuple(column.name for column in table.primary_key))
    replaced = [column.name for column in table.columns if column.name not in (*identity, "id")]
    upserting: Insert = inserting.on_conflict_do_update(
        index_elements=identity, set_={name: inserting.excluded[name] for name in replaced}
    )
    return upserting


_UPSERTING = {
    (table, dialect): _upserting(table, dialect)
    for table in (sessions, responses, response_metadata, items, item_text, audio)
    for dialect in ("sqlite", "postgresql")
}


def _upsert(connection: Connection, table: Table, rows: Iterable[_Row]) -> None:
    _run(connection, _UPSERTING[table, connection.dialect.name], list(rows))


def _run(connection: Connection, statement: Executable, rows: list[_Row]) -> None:
    if rows:
        connection.execute(statement, rows)


def _keyed(place: _Item) -> _Row:
    return {"of": place[0], "which": place[1]}


_MODEL_CHARS = 256
"""What is kept of a model's name, which clients may choose: no longer ones can be asked for."""


def _name(model: str) -> str:
    return storable(model)[:_MODEL_CHARS]


# --- rows -----------------------------------------------------------------------------------------


def _session_row(session: SessionOpened) -> _Row:
    return {
        "id": session.id,
        "conversation_id": session.conversation_id,
        "kind": session.kind,
        "model": _name(session.model),
        "key_name": session.key_name,
        "transport": session.transport,
        "opened_at": session.opened_at,
        "closed_at": None,
        "close_code": None,
        "close_reason": None,
    }


def _closed_row(session: SessionClosed) -> _Row:
    return {
        "which": session.id,
        "at": session.closed_at,
        "code": session.close_code,
        "reason": None if session.close_reason is None else storable(session.close_reason),
    }


def _response_row(kept: ResponseKept) -> _Row:
    response, usage = kept.response, kept.response.usage or _NO_USAGE
    details = response.status_details
    error = details.error if details is not None and details.error is not UNSET else None
    return {
        "id": response.id,
        "session_id": kept.session_id,
        "conversation_id": response.conversation_id,
        "created_at": kept.created_at,
        "ended_at": kept.ended_at,
        "model": _name(kept.model),
        "key_name": kept.key_name,
        "status": response.status,
        "reason": (details.reason or None) if details is not None else None,
        "error_type": error.type if error is not None else None,
        "error_code": error.code if error is not None else None,
        "body": kept.body.decode(),
        "moments": kept.moments.decode(),
        "input_items": kept.input_items.decode(),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.input_token_details.cached_tokens,
        "input_audio_tokens": usage.input_token_details.audio_tokens,
        "output_audio_tokens": usage.output_token_details.audio_tokens,
        "has_audio": kept.has_audio,
        "cost_micros": kept.cost_micros,
    }


def _metadata_rows(kept: ResponseKept) -> list[_Row]:
    metadata: Mapping[str, str] = kept.response.metadata or {}
    return [
        {
            "response_id": kept.response.id,
            "key": storable(key),
            "value": storable(value),
            "created_at": kept.created_at,
        }
        for key, value in metadata.items()
    ]


def _item_row(kept: ItemKept) -> _Row:
    item = kept.item
    assert item.id is not UNSET, "items in conversations have ids"
    return {
        "conversation_id": kept.conversation_id,
        "id": storable(item.id),
        "session_id": kept.session_id,
        "position": kept.position,
        "response_id": kept.response_id,
        "type": item.__struct_config__.tag,
        "role": item.role if isinstance(item, Message) else None,
        "created_at": kept.created_at,
        "body": kept.body.decode(),
    }


def _text_rows(texts: Mapping[_Item, str]) -> list[_Row]:
    return [
        {"conversation_id": conversation_id, "item_id": item_id, "text": text}
        for (conversation_id, item_id), text in texts.items()
        if text
    ]


def _sound_row(sound: Sound) -> _Row:
    encoded = sounds.flac(sound.samples, sound.audio_format)
    return {
        "conversation_id": sound.conversation_id,
        "item_id": storable(sound.item_id),
        "created_at": sound.created_at,
        "format": sounds.FLAC,
        **encoded._asdict(),
    }
