from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from antiphon.errors import StoreError
from antiphon.store.databases import Database
from antiphon.store.schema import METADATA


def test_the_migrations_make_the_tables_that_the_code_knows(database):
    with database.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: not (name or "").startswith("item_words")},
        )
        assert compare_metadata(context, METADATA) == []


def test_what_is_up_to_date_stays_as_it_is(database):
    assert database.revisions().present == database.revisions().newest
    before = database.prepare()
    assert before.present == before.newest


def test_servers_that_start_together_migrate_one_after_the_other(url):
    databases = [Database(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(Database.prepare, databases))
    assert sum(before.present is None for before in found) == 1
    for one in databases:
        one.release()


def test_tables_of_a_newer_version_are_left_alone(database):
    with database.connect() as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"revision 9999, which this version .* not know"):
        database.prepare()
