"""Records as sessions make them, and a look into the tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import numpy as np
from msgspec import json
from sqlalchemy import Table, select

from antiphon.store.databases import Database
from antiphon.store.records import ItemKept, ResponseKept, SessionOpened, Sound
from antiphon.store.store import Store
from antiphon.wire.audio_config import PcmFormat
from antiphon.wire.items import InputText, Item, Message
from antiphon.wire.response import (
    RealtimeResponse,
    RealtimeResponseAudio,
    RealtimeResponseAudioOutput,
    RealtimeResponseUsage,
)

__all__ = ["item", "opened", "response", "rows", "rows_in", "said", "sound", "until"]

PATIENCE_S = 30.0
CONVERSATION = "conv_1"
SESSION = "sess_1"


def opened(session_id: str = SESSION, at: int = 1_000) -> SessionOpened:
    return SessionOpened(
        id=session_id,
        conversation_id=CONVERSATION,
        kind="realtime",
        model="antiphon",
        key_name=None,
        transport="websocket",
        opened_at=at,
    )


def said(text: str, item_id: str = "item_1") -> Message:
    return Message(id=item_id, role="user", content=(InputText(text=text),))


def item(
    what: Item,
    *,
    position: int | None = 1,
    response_id: str | None = None,
    at: int = 1_000,
    conversation_id: str = CONVERSATION,
) -> ItemKept:
    return ItemKept(
        conversation_id=conversation_id,
        session_id=SESSION,
        body=json.encode(what),
        item=what,
        position=position,
        response_id=response_id,
        created_at=at,
    )


def response(
    response_id: str = "resp_1",
    *,
    at: int = 1_000,
    metadata: dict[str, str] | None = None,
    output: tuple[Item, ...] = (),
) -> ResponseKept:
    made = RealtimeResponse(
        id=response_id,
        status="completed",
        status_details=None,
        output=output,
        conversation_id=CONVERSATION,
        output_modalities=("text",),
        max_output_tokens="inf",
        audio=RealtimeResponseAudio(
            output=RealtimeResponseAudioOutput(format=PcmFormat(), voice="alto")
        ),
        usage=RealtimeResponseUsage(total_tokens=7, input_tokens=4, output_tokens=3),
        metadata=metadata,
    )
    return ResponseKept(
        body=json.encode(made),
        response=made,
        session_id=SESSION,
        created_at=at,
        ended_at=at + 500,
        model="antiphon",
        key_name="app",
        moments=b'{"created":0.0}',
        input_items=b'["item_1"]',
        has_audio=False,
    )


def sound(item_id: str = "item_1", *, seconds: float = 1.0) -> Sound:
    samples = np.sin(np.arange(round(16_000 * seconds), dtype=np.float32) / 9)
    return Sound(
        conversation_id=CONVERSATION,
        item_id=item_id,
        created_at=1_000,
        samples=samples,
        audio_format=None,
    )


def rows_in(database: Database, table: Table) -> list[dict[str, Any]]:
    """All rows of a table, in the order of its key."""
    with database.read() as connection:
        found = connection.execute(select(table).order_by(*table.primary_key.columns))
        return [dict(row) for row in found.mappings()]


async def rows(store: Store, table: Table) -> list[dict[str, Any]]:
    """All rows of a table, once everything is written."""
    await store.flush()
    order = table.primary_key.columns
    found = await store.reading.run(
        lambda connection: connection.execute(select(table).order_by(*order)).mappings().all()
    )
    return [dict(row) for row in found]


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what other threads do."""
    with anyio.fail_after(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 (nobody tells)
            await anyio.sleep(0.01)
