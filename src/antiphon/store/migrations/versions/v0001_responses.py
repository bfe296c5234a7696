"""Sessions, responses, items, their words and their audio."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_FIND_WORDS_IN_SQLITE = (
    """
    CREATE VIRTUAL TABLE item_words USING fts5(
        text, content='item_text', content_rowid='id', tokenize='unicode61 remove_diacritics 2'
    )
    """,
    """
    CREATE TRIGGER item_text_inserted AFTER INSERT ON item_text BEGIN
        INSERT INTO item_words(rowid, text) VALUES (new.id, new.text);
    END
    """,
    """
    CREATE TRIGGER item_text_deleted AFTER DELETE ON item_text BEGIN
        INSERT INTO item_words(item_words, rowid, text) VALUES ('delete', old.id, old.text);
    END
    """,
    """
    CREATE TRIGGER item_text_updated AFTER UPDATE OF text ON item_text BEGIN
        INSERT INTO item_words(item_words, rowid, text) VALUES ('delete', old.id, old.text);
        INSERT INTO item_words(rowid, text) VALUES (new.id, new.text);
    END
    """,
)

_FIND_WORDS_IN_POSTGRESQL = (
    "CREATE INDEX item_words ON item_text USING gin (to_tsvector('simple', text))",
)


def upgrade() -> None:
    """Make the tables."""
    _make_sessions()
    _make_responses()
    _make_items()
    is_sqlite = op.get_context().dialect.name == "sqlite"
    for statement in _FIND_WORDS_IN_SQLITE if is_sqlite else _FIND_WORDS_IN_POSTGRESQL:
        op.execute(statement)


def _make_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("key_name", sa.Text()),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("close_code", sa.Integer()),
        sa.Column("close_reason", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_conversation_id", "sessions", ["conversation_id"])
    op.create_index("ix_sessions_opened_at", "sessions", ["opened_at"])


def _make_responses() -> None:
    op.create_table(
        "responses",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("key_name", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("error_type", sa.Text()),
        sa.Column("error_code", sa.Text()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("moments", sa.Text(), nullable=False),
        sa.Column("input_items", sa.Text(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("input_audio_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_audio_tokens", sa.BigInteger(), nullable=False),
        sa.Column("has_audio", sa.Boolean(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_responses"),
    )
    by_time = ("created_at", "id")
    op.create_index("ix_responses_created_at_id", "responses", [*by_time])
    for filtered in ("status", "reason", "model", "key_name", "session_id", "conversation_id"):
        name = f"ix_responses_{filtered}_created_at_id"
        op.create_index(name, "responses", [filtered, *by_time])
    op.create_table(
        "response_metadata",
        sa.Column("response_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("response_id", "key", name="pk_response_metadata"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_response_metadata_key_value_created_at_response_id",
        "response_metadata",
        ["key", "value", "created_at", "response_id"],
    )


def _make_items() -> None:
    op.create_table(
        "items",
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger()),
        sa.Column("response_id", sa.Text()),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("role", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "id", name="pk_items"),
    )
    op.create_index("ix_items_conversation_id_position", "items", ["conversation_id", "position"])
    for column in ("response_id", "session_id", "created_at"):
        op.create_index(f"ix_items_{column}", "items", [column])
    op.create_table(
        "item_text",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_item_text"),
        sa.UniqueConstraint(
            "conversation_id", "item_id", name="uq_item_text_conversation_id_item_id"
        ),
    )
    op.create_table(
        "audio",
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("rate_hz", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("sound", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "item_id", name="pk_audio"),
    )
    op.create_index("ix_audio_created_at", "audio", ["created_at"])
