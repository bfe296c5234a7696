"""The steps; Alembic finds their order by ``down_revision``."""
