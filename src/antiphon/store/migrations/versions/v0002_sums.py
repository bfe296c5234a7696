"""Sums over responses: usage by the hour, latencies by the minute and the hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "usage_hours",
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("key_name", sa.Text(), nullable=False),
        sa.Column("responses", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("input_audio_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_audio_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger()),
        sa.PrimaryKeyConstraint("hour", "model", "key_name", name="pk_usage_hours"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "latency_counts",
        sa.Column("width_s", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("bin", sa.Integer(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("width_s", "stage", "at", "model", "bin", name="pk_latency_counts"),
        sqlite_with_rowid=False,
    )
