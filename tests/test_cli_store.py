from __future__ import annotations

import pytest
from click.testing import CliRunner

from antiphon.cli import main
from antiphon.store.databases import Database
from antiphon.store.rows import write
from tests.store.support import CONVERSATION, item, opened, response, said


@pytest.fixture
def run(tmp_path):
    def run(*arguments: str):
        environment = {"ANTIPHON_STORE": f'{{url = "sqlite:///{tmp_path / "kept.db"}"}}'}
        return CliRunner().invoke(main, ["store", *arguments], env=environment)

    return run


@pytest.fixture
def kept(tmp_path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'kept.db'}")
    database.prepare()
    with database.connect() as connection, connection.begin():
        write(connection, (opened(), item(said("Hello.")), response()))
    database.release()


def test_migrating_makes_the_database_and_twice_does_no_harm(run, tmp_path):
    assert "it was at none" in run("migrate").output
    assert (tmp_path / "kept.db").exists()
    assert "is up to date" in run("migrate").output


def test_the_status_says_what_is_kept(run, kept):
    lines = run("status").output.splitlines()
    assert "responses  1, the oldest of 1970-01-01" in lines
    assert "items      1, 0 of them with audio" in lines


def test_without_a_database_there_is_a_remedy_and_none_is_made(run, tmp_path):
    found = run("status")
    assert found.exit_code == 1
    assert "There is no database" in found.output
    assert not (tmp_path / "kept.db").exists()


def test_what_is_pruned_is_gone(run, kept):
    assert run("prune", "--days", "1").output == "Deleted 3 responses, items and sessions.\n"
    assert "responses  0, the oldest of none" in run("status").output


def test_responses_and_conversations_can_be_deleted(run, kept):
    assert run("delete", "--response", "resp_1").output == "Deleted.\n"
    assert run("delete", "--response", "resp_1").exit_code == 1
    assert run("delete", "--conversation", CONVERSATION).output == "Deleted.\n"
    assert "items      0" in run("status").output


def test_nothing_is_deleted_that_was_not_named(run, kept):
    found = run("delete")
    assert found.exit_code == 2
    assert "--response ID, or --conversation ID" in found.output


@pytest.mark.parametrize("command", [("prune", "--days", "1"), ("delete", "--response", "resp_1")])
def test_where_there_is_no_database_none_is_made(run, tmp_path, command):
    """It would have the rights of any file, and whoever may read it could read what is said."""
    answer = run(*command)
    assert answer.exit_code == 1
    assert "There is no database" in answer.output
    assert not (tmp_path / "kept.db").exists()
