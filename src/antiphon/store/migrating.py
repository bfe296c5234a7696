"""Brings a database's tables up to date."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from antiphon.errors import StoreError

__all__ = ["Revisions", "migrate", "revisions"]

_SCRIPTS = Path(__file__).parent / "migrations"

_LOCK = 0x616E_7469_7068_6F6E
"""Number of PostgreSQL's advisory lock ("antiphon"), so that one process at a time migrates."""


class Revisions(NamedTuple):
    """How far the tables of a database are.

    Attributes:
        present: What they are at; ``None`` if there are none.
        newest: What this version of Antiphon needs.
    """

    present: str | None
    newest: str


def revisions(connection: Connection) -> Revisions:
    """Return how far the tables of a database are."""
    scripts = ScriptDirectory(str(_SCRIPTS))
    newest = scripts.get_current_head()
    assert newest is not None, "there is always a first step"
    return Revisions(MigrationContext.configure(connection).get_current_revision(), newest)


def migrate(connection: Connection) -> Revisions:
    """Make the tables, or bring them up to date; all of it is done, or nothing.

    Args:
        connection: In a transaction, which the caller commits. That of SQLite locks the database
            (see :mod:`~antiphon.store.databases`); in PostgreSQL a lock is taken until its end.

    Returns:
        How far the tables were before.

    Raises:
        StoreError: The tables were made by a newer version of Antiphon.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    before = revisions(connection)
    known = {script.revision for script in ScriptDirectory(str(_SCRIPTS)).walk_revisions()}
    if before.present is not None and before.present not in known:
        message = (
            f"The database is at revision {before.present}, which this version of Antiphon does "
            f"not know; it is newer than {before.newest}. Use the version that made it, or another "
            "database: [store] url."
        )
        raise StoreError(message)
    if before.present != before.newest:
        config = Config()
        config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before
