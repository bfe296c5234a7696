"""The command line's ``antiphon store …``: the database in which responses are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from antiphon.cli_basics import config_option, errors_in_words
from antiphon.config import load_config
from antiphon.config.places import data_home

if TYPE_CHECKING:  # SQLAlchemy is loaded by those commands only that need it
    from antiphon.store.databases import Database

__all__ = ["store"]

_BYTES_PER_MB = 1_000_000


@click.group()
def store() -> None:
    """See to the responses that a server has kept. It may be running meanwhile."""


@store.command()
@config_option
def migrate(*, config_file: Path | None) -> None:
    """Make the tables, or bring them up to date. A server does so by itself when it starts."""
    with errors_in_words():
        database = _database(config_file)
        before = database.prepare()
        if before.present == before.newest:
            click.echo(f"{database.name} is up to date: revision {before.newest}.")
        else:
            click.echo(
                f"{database.name} is now at revision {before.newest}; it was at "
                f"{before.present or 'none'}."
            )


@store.command()
@config_option
def status(*, config_file: Path | None) -> None:
    """Say what is kept, and how much it is."""
    from antiphon.store import operating  # noqa: PLC0415

    with errors_in_words():
        database = _database(config_file)
        found = operating.status(database)
        oldest = "none" if found.oldest_us is None else _day(found.oldest_us)
        click.echo(f"database   {database.name}, revision {found.revisions.newest}")
        click.echo(f"size       {found.size_bytes / _BYTES_PER_MB:.1f} MB")
        click.echo(f"responses  {found.responses}, the oldest of {oldest}")
        click.echo(f"sessions   {found.sessions}")
        click.echo(f"items      {found.items}, {found.sounds} of them with audio")


@store.command()
@click.option("--days", type=click.IntRange(0), required=True, help="What is older is deleted.")
@config_option
def prune(*, days: int, config_file: Path | None) -> None:
    """Delete what is older than so many days; 0 deletes everything."""
    from antiphon.store import operating  # noqa: PLC0415

    with errors_in_words():
        before = datetime.now(UTC) - timedelta(days=days)
        deleted = operating.prune_before(
            _database(config_file), round(before.timestamp() * 1_000_000)
        )
        click.echo(f"Deleted {deleted} responses, items and sessions.")


@store.command()
@click.option("--response", "response_id", help="Id of a response.")
@click.option("--conversation", "conversation_id", help="Id of a conversation.")
@config_option
def delete(
    *, response_id: str | None, conversation_id: str | None, config_file: Path | None
) -> None:
    """Delete a response with its output, or a conversation with all that was said in it."""
    from antiphon.store import operating  # noqa: PLC0415

    if response_id is None and conversation_id is None:
        message = "Say what to delete: --response ID, or --conversation ID."
        raise click.UsageError(message)
    with errors_in_words():
        found = operating.delete(
            _database(config_file), response_id=response_id, conversation_id=conversation_id
        )
    if not found:
        message = "There is no such response or conversation."
        raise click.ClickException(message)
    click.echo("Deleted.")


def _database(config_file: Path | None) -> Database:
    from antiphon.store.databases import Database  # noqa: PLC0415

    config = load_config(config_file)
    return Database(config.store.location(data_home(config.home)))


def _day(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).strftime("%Y-%m-%d")
