"""What Alembic runs to migrate; ``store/migrating.py`` hands it an open connection."""

from alembic import context

from antiphon.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite cannot alter a table in place; Alembic then makes a new one and copies the rows.
    render_as_batch=True,
)

with context.begin_transaction():
    context.run_migrations()
