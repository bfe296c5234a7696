"""Opens the database: SQLite or PostgreSQL, for the one who writes and for those who read."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from antiphon.errors import StoreError
from antiphon.store.migrating import Revisions, migrate, revisions

__all__ = ["LONGEST_QUERY_S", "MAX_READERS", "Database", "complete"]

MAX_READERS = 4
"""Connections for reading at once."""

_HIDES = True
"""What is written and looked for is in no message of an error, nor in its traceback."""

LONGEST_QUERY_S = 30
"""What takes longer to be found is given up, since others wait for the connection."""

_BUSY_TIMEOUT_S = 5.0
"""How long SQLite waits while another process writes."""

_POSTGRESQL_OPTIONS = {
    "connect_timeout": 5,  # seconds
    "application_name": "antiphon",
    # A server that has vanished is noticed after that long; milliseconds.
    "tcp_user_timeout": 15_000,
}
_READING_OPTIONS = " ".join(
    (
        "-c default_transaction_read_only=on",
        f"-c statement_timeout={LONGEST_QUERY_S}s",
        # What is rare decides how to find a page, and is known only with the values.
        "-c plan_cache_mode=force_custom_plan",
    )
)


class Database:
    """Where responses are kept.

    Args:
        url: As :meth:`antiphon.store.choices.StoreChoice.location` returns it.

    Attributes:
        name: What it is called in messages: the URL, its password masked.
        is_sqlite: Whether it is a file; otherwise it is PostgreSQL.

    Raises:
        StoreError: What talks to such a database is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except (ArgumentError, ValueError):  # of the port; neither says what to do
            message = (
                "The URL of the store cannot be read. Write it as in [store] url: "
                "postgresql://user:password@host:5432/name, with percent signs for what has a "
                "meaning in it, as %40 for an @ in the password."
            )
            raise StoreError(message) from None
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self.name = self._url.render_as_string(hide_password=True)
        self._file = Path(self._url.database or "") if self.is_sqlite else None
        self._inode: int | None = None
        self._writing = self._engine(writes=True)
        self._reading = self._engine(writes=False)

    def prepare(self) -> Revisions:
        """Make the database file if there is none, and bring the tables up to date.

        Returns:
            How far the tables were before.

        Raises:
            StoreError: That cannot be done; the message says why.
        """
        try:
            if self._file is not None:
                self._make_file(self._file)
            with self._writing.begin() as connection:
                before = migrate(connection)
            if self._file is not None:
                self._inode = self._file.stat().st_ino
        except (DBAPIError, OSError) as error:
            raise self._cannot("opened", error) from error
        return before

    def revisions(self) -> Revisions:
        """Return how far the tables are, without changing anything.

        Raises:
            StoreError: It cannot be opened.
        """
        if self._file is not None and not self._file.exists():
            message = f"There is no database {self.name} yet. A server makes it when it starts."
            raise StoreError(message)
        try:
            with self._reading.connect() as connection:
                return revisions(connection)
        except DBAPIError as error:
            raise self._cannot("opened", error) from error

    def connect(self) -> Connection:
        """Connect to write; a transaction locks the database against other writers, if a file.

        Raises:
            DBAPIError: It cannot be reached.
        """
        return self._writing.connect()

    def read(self) -> Connection:
        """Connect to read; at most :data:`MAX_READERS` can at once, others wait.

        Raises:
            DBAPIError: It cannot be reached.
        """
        return self._reading.connect()

    def is_elsewhere(self) -> bool:
        """Say whether the file has been moved, removed or replaced since it was prepared.

        SQLite would go on with the one that it has open, and nobody would find anything again.
        """
        if self._file is None:
            return False
        try:
            return self._file.stat().st_ino != self._inode
        except OSError:
            return True

    def release(self) -> None:
        """Close all connections; those in use when they are given back."""
        self._writing.dispose()
        self._reading.dispose()

    def _cannot(self, what: str, error: Exception) -> StoreError:
        reason = error.orig if isinstance(error, DBAPIError) else error
        message = (
            f"The database {self.name} cannot be {what}: {str(reason).strip()}. Check [store] url "
            'and its rights, or keep nothing: [store] keep = "nothing".'
        )
        return StoreError(message)

    def _make_file(self, file: Path) -> None:
        """Make the file, if there is none, so that only its owner may read what was said."""
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))

    def _engine(self, *, writes: bool) -> Engine:
        if self.is_sqlite:
            return _sqlite_engine(self._url, writes=writes)
        return _postgresql_engine(self._url, writes=writes)


def complete(connection: Connection) -> None:
    """Write all into a SQLite file that so far is only in its log, before it is left alone.

    SQLite does so by itself when the last connection ends, but not if the file has been moved away
    from its log meanwhile.

    Args:
        connection: In no transaction.
    """
    opened = connection.connection.driver_connection
    assert isinstance(opened, sqlite3.Connection), "only files have such a log"
    with contextlib.suppress(sqlite3.Error):  # it was worth a try
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _sqlite_engine(url: URL, *, writes: bool) -> Engine:
    timeout = {"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}
    if writes:
        engine = create_engine(
            url, poolclass=NullPool, connect_args=timeout, hide_parameters=_HIDES
        )
    else:
        engine = create_engine(
            url,
            pool_size=MAX_READERS,
            max_overflow=0,
            connect_args=timeout,
            hide_parameters=_HIDES,
        )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin as below, not as the driver guesses
        settings = _WRITING_SQLITE if writes else ("PRAGMA query_only = ON",)
        for setting in settings:
            connection.execute(setting).close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


_WRITING_SQLITE = (
    # Before anything else is in the file: pages that become free can be given back.
    "PRAGMA auto_vacuum = INCREMENTAL",
    # Readers do not wait for the writer; what is committed survives the end of the process.
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    # What is deleted is overwritten.
    "PRAGMA secure_delete = ON",
)


def _postgresql_engine(url: URL, *, writes: bool) -> Engine:
    arguments = (
        _POSTGRESQL_OPTIONS
        if writes
        else {
            **_POSTGRESQL_OPTIONS,
            "options": _READING_OPTIONS,
        }
    )
    driver = url.set(drivername="postgresql+psycopg")
    try:
        if writes:
            return create_engine(
                driver, poolclass=NullPool, connect_args=arguments, hide_parameters=_HIDES
            )
        return create_engine(
            driver,
            pool_size=MAX_READERS,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args=arguments,
            hide_parameters=_HIDES,
        )
    except (ImportError, NoSuchModuleError) as error:
        message = (
            "PostgreSQL needs psycopg, which is not installed: pip install 'antiphon[postgresql]'."
        )
        raise StoreError(message) from error
