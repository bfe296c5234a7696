"""The tables in which responses and conversations are kept, the same in SQLite and PostgreSQL.

Times are integers, microseconds since 1970 (UTC). Bodies are JSON texts, as they went over the
wire: PostgreSQL's JSONB would sort their keys, and refuses characters that JSON allows. What is
looked for has a column of its own.

The migrations make these tables; a test holds that both agree.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "METADATA",
    "audio",
    "item_text",
    "items",
    "latency_counts",
    "response_metadata",
    "responses",
    "sessions",
    "usage_hours",
]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All of them."""

sessions = Table(
    "sessions",
    METADATA,
    Column("id", Text, primary_key=True),
    # The id of the session itself where it has no conversation, as when it only transcribes.
    Column("conversation_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("key_name", Text),
    Column("transport", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    # NULL with a time of closing: the client has gone without a word.
    Column("close_code", Integer),
    Column("close_reason", Text),
    Index(None, "conversation_id"),
    Index(None, "opened_at"),
)

responses = Table(
    "responses",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("conversation_id", Text),  # as in the response itself: NULL if it is out of band
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("key_name", Text),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("error_type", Text),
    Column("error_code", Text),
    Column("body", Text, nullable=False),  # a RealtimeResponse
    Column("moments", Text, nullable=False),  # milliseconds by moment: Timeline.as_ms
    Column("input_items", Text, nullable=False),  # a list of item ids
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("input_audio_tokens", BigInteger, nullable=False),
    Column("output_audio_tokens", BigInteger, nullable=False),
    Column("has_audio", Boolean(create_constraint=False), nullable=False),
    Column("cost_micros", BigInteger),  # millionths of the currency; NULL if there is no price
    Index(None, "created_at", "id"),
    Index(None, "status", "created_at", "id"),
    Index(None, "reason", "created_at", "id"),
    Index(None, "model", "created_at", "id"),
    Index(None, "key_name", "created_at", "id"),
    Index(None, "session_id", "created_at", "id"),
    Index(None, "conversation_id", "created_at", "id"),
)

response_metadata = Table(
    "response_metadata",
    METADATA,
    Column("response_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),  # of the response
    PrimaryKeyConstraint("response_id", "key"),
    Index(None, "key", "value", "created_at", "response_id"),
    sqlite_with_rowid=False,
)

items = Table(
    "items",
    METADATA,
    Column("conversation_id", Text, nullable=False),  # of the session, also if out of band
    Column("id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    # Its place among the conversation's items; NULL for what is not part of the conversation:
    # the input and the output of responses out of band.
    Column("position", BigInteger),
    Column("response_id", Text),  # which it is the output of
    Column("type", Text, nullable=False),
    Column("role", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # an item, without audio
    PrimaryKeyConstraint("conversation_id", "id"),
    Index(None, "conversation_id", "position"),
    Index(None, "response_id"),
    Index(None, "session_id"),
    Index(None, "created_at"),
)

# What is said and written in each item. It is searched by its words: in SQLite by `item_words`, an
# FTS5 table with this one's ids for rowids, which triggers keep up to date; in PostgreSQL by an
# index on to_tsvector('simple', text).
item_text = Table(
    "item_text",
    METADATA,
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("conversation_id", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("conversation_id", "item_id"),
)

audio = Table(
    "audio",
    METADATA,
    Column("conversation_id", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("format", Text, nullable=False),  # flac
    Column("rate_hz", Integer, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("sound", LargeBinary, nullable=False),
    PrimaryKeyConstraint("conversation_id", "item_id"),
    Index(None, "created_at"),
)

# Sums over responses, so that months can be shown without reading them all. They tell nothing of
# what was said, and stay when responses are deleted: what was used has been used.

usage_hours = Table(
    "usage_hours",
    METADATA,
    Column("hour", BigInteger, nullable=False),  # its beginning
    Column("model", Text, nullable=False),
    Column("key_name", Text, nullable=False),  # empty where none was needed
    Column("responses", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("input_audio_tokens", BigInteger, nullable=False),
    Column("output_audio_tokens", BigInteger, nullable=False),
    Column("cost_micros", BigInteger),  # NULL if nothing of it had a price
    PrimaryKeyConstraint("hour", "model", "key_name"),
    sqlite_with_rowid=False,
)

# How often a stage took how long, and for how long that is kept: see store/latencies.py.
latency_counts = Table(
    "latency_counts",
    METADATA,
    Column("width_s", Integer, nullable=False),  # of the span of time: a minute or an hour
    Column("stage", Text, nullable=False),
    Column("at", BigInteger, nullable=False),  # the beginning of the span
    Column("model", Text, nullable=False),
    Column("bin", Integer, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("width_s", "stage", "at", "model", "bin"),
    sqlite_with_rowid=False,
)
