"""Fills a database with as many responses as a busy server keeps in a month."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, text

from antiphon.store.schema import item_text, items, response_metadata, responses, sessions
from antiphon.store.sums import add_to_sums

__all__ = ["DAYS", "EXPERIMENTS", "KEYS", "MODELS", "RARE_WORDS", "SESSION", "TENANTS", "fill"]

DAYS = 30
SESSION = 10
"""Responses of each session."""

KEYS = ("support", "sales", "kiosk", "tests", "demo")
MODELS = ("antiphon", "quick", "thorough", "gpt-realtime")
EXPERIMENTS = ("a", "b")
TENANTS = 1_000
RARE_WORDS = 50_000

_SHARES = (60, 25, 10, 5)
_STATUSES = ("completed", "cancelled", "failed", "incomplete")
_REASONS = {"cancelled": "turn_detected", "incomplete": "max_output_tokens"}
_BATCH = 20_000
_DAY_US = 24 * 3600 * 1_000_000

_COMMON = [
    "the",
    "a",
    "I",
    "you",
    "it",
    "is",
    "was",
    "can",
    "will",
    "not",
    "this",
    "that",
    "my",
    "your",
    "order",
    "invoice",
    "delivery",
    "appointment",
    "monday",
    "tuesday",
    "friday",
    "morning",
    "evening",
    "address",
    "street",
    "number",
    "name",
    "please",
    "thank",
    "yes",
    "no",
    "change",
    "cancel",
    "refund",
    "pay",
    "open",
    "close",
    "help",
    "with",
    "for",
    "from",
    "about",
    "today",
    "tomorrow",
    "again",
    "before",
    "after",
]


def fill(connection: Connection, count: int) -> None:
    """Fill empty tables with responses, evenly over the last :data:`DAYS`.

    Args:
        connection: To a database whose tables are there; it is left without open transaction.
        count: How many responses; each with three pairs of metadata and two items of 12 words.
    """
    chance = random.Random(count)  # noqa: S311 (the same rows each time)
    begin = time.time_ns() // 1000 - DAYS * _DAY_US
    step = DAYS * _DAY_US // count
    tables = (sessions, responses, response_metadata, items, item_text)
    for numbers in _batches(count):
        rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in tables}
        for number in numbers:
            _add(rows, number, begin + number * step, chance)
        with connection.begin():
            add_to_sums(connection, rows[responses])
            for table in tables:
                _insert(connection, table, rows[table])
    # As the databases do by themselves, sooner or later.
    with connection.begin():
        connection.execute(text("ANALYZE"))


def _batches(count: int) -> Iterator[range]:
    for first in range(0, count, _BATCH):
        yield range(first, min(first + _BATCH, count))


def _add(
    rows: dict[Table, list[dict[str, Any]]], number: int, now: int, chance: random.Random
) -> None:
    session, place = divmod(number, SESSION)
    dice = random.Random(session)  # noqa: S311 (what all responses of a session have in common)
    key, model = dice.choices(KEYS[:4], _SHARES)[0], dice.choices(MODELS, _SHARES)[0]
    tenant = f"tenant-{int(TENANTS * dice.random() ** 2)}"
    session_id, conversation_id = f"sess_{session:021}", f"conv_{session:021}"
    if place == 0:
        opened = {"id": session_id, "conversation_id": conversation_id, "kind": "realtime"}
        closed = {"closed_at": now, "close_code": 1000, "close_reason": ""}
        told = {"model": model, "key_name": key, "transport": "websocket", "opened_at": now}
        rows[sessions].append(opened | told | closed)
    response_id, heard_id, said_id = (f"{kind}_{number:021}" for kind in ("resp", "item", "said"))
    metadata = {
        "tenant": tenant,
        "caller": f"+49{session:09}",
        "experiment": chance.choice(EXPERIMENTS),
    }
    heard, said = _sentence(chance), _sentence(chance)
    status = chance.choices(_STATUSES, (93, 5, 1, 1))[0]
    rows[responses].append(
        {
            "id": response_id,
            "session_id": session_id,
            "conversation_id": conversation_id,
            "created_at": now,
            "ended_at": now + 3_000_000,
            "model": model,
            "key_name": key,
            "status": status,
            "reason": _REASONS.get(status),
            "error_type": "server_error" if status == "failed" else None,
            "error_code": "server_error" if status == "failed" else None,
            "body": _body(response_id, conversation_id, status, said_id, said, metadata),
            "moments": _moments(chance),
            "input_items": f'["{heard_id}"]',
            "input_tokens": 800,
            "output_tokens": 120,
            "cached_tokens": 500,
            "input_audio_tokens": 300,
            "output_audio_tokens": 90,
            "has_audio": False,
            "cost_micros": chance.randrange(500, 20_000),
        }
    )
    rows[response_metadata] += [
        {"response_id": response_id, "key": name, "value": value, "created_at": now}
        for name, value in metadata.items()
    ]
    for offset, (item_id, role, words) in enumerate(
        ((heard_id, "user", heard), (said_id, "assistant", said))
    ):
        rows[items].append(
            {
                "conversation_id": conversation_id,
                "id": item_id,
                "session_id": session_id,
                "position": 2 * place + offset,
                "response_id": response_id if role == "assistant" else None,
                "type": "message",
                "role": role,
                "created_at": now,
                "body": _json(_message(item_id, role, words)),
            }
        )
        number_of_text = 2 * number + offset + 1
        rows[item_text].append(
            {
                "id": number_of_text,
                "conversation_id": conversation_id,
                "item_id": item_id,
                "text": words,
            }
        )


def _sentence(chance: random.Random) -> str:
    rare = f"word{int(RARE_WORDS * chance.random())}"
    return " ".join((*chance.choices(_COMMON, k=11), rare))


def _moments(chance: random.Random) -> str:
    heard, thought, spoken = (chance.lognormvariate(0, 0.4) for _ in range(3))
    moments = {
        "speech_ended": 0.0,
        "transcribed": 120 * heard,
        "turn_ended": 500.0,
        "started": 505.0,
        "first_token": 505 + 80 * thought,
        "first_segment": 560 + 80 * thought,
        "first_audio": 560 + 80 * thought + 90 * spoken,
        "ended": 3000.0,
    }
    return _json(moments)


def _message(item_id: str, role: str, words: str) -> dict[str, Any]:
    part = {"type": "input_audio" if role == "user" else "output_audio", "transcript": words}
    return {
        "id": item_id,
        "type": "message",
        "status": "completed",
        "role": role,
        "content": [part],
    }


def _body(
    response_id: str,
    conversation_id: str,
    status: str,
    said_id: str,
    said: str,
    metadata: dict[str, str],
) -> str:
    text_tokens = {"text_tokens": 500, "audio_tokens": 300, "image_tokens": 0}
    cached = {"text_tokens": 500, "audio_tokens": 0, "image_tokens": 0}
    usage = {
        "total_tokens": 920,
        "input_tokens": 800,
        "output_tokens": 120,
        "input_token_details": {
            **text_tokens,
            "cached_tokens": 500,
            "cached_tokens_details": cached,
        },
        "output_token_details": {"text_tokens": 30, "audio_tokens": 90},
    }
    output = {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "joe"}
    return _json(
        {
            "object": "realtime.response",
            "id": response_id,
            "status": status,
            "status_details": None if status == "completed" else {"type": status},
            "output": [_message(said_id, "assistant", said)],
            "conversation_id": conversation_id,
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "audio": {"output": output},
            "usage": usage,
            "metadata": metadata,
        }
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _insert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows past SQLAlchemy, which would take several times as long."""
    if not rows:
        return
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    values = [tuple(row[column.name] for column in table.columns) for row in rows]
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        marks = ", ".join("?" * len(table.columns))
        driver.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", values)  # noqa: S608 (names of tables)
        return
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in values:
            copy.write_row(row)
