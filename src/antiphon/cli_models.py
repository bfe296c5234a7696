"""The command line's ``antiphon models …``: what engines there are, and their weights."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from antiphon.cli_basics import config_option, errors_in_words
from antiphon.config import load_home
from antiphon.engines.catalogue import Entry, builtin_catalogue
from antiphon.engines.progress import PlainProgress, Progress, megabytes
from antiphon.engines.weights import fetch, missing_files
from antiphon.errors import WeightsError

__all__ = ["models"]


@click.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List the engines of the catalogue, or fetch their weights."""
    if context.invoked_subcommand is not None:
        return
    with errors_in_words():
        home = load_home()
    for entry in builtin_catalogue().entries:
        have = "no weights needed"
        if entry.files:
            have = "to fetch" if missing_files(entry, home) else "ready"
            have = f"{megabytes(entry.size_bytes)}, {have}"
        names = ", ".join((entry.name, *entry.aliases))
        click.echo(f"{entry.role:15} {names}  ({have})")
        click.echo(f"{'':15} {entry.description}")
        click.echo(f"{'':15} Licence: {entry.licence}\n")


@models.command("fetch")
@click.argument("names", nargs=-1)
@config_option
@click.option("--verify", is_flag=True, help="Check the hashes of what is there already.")
def models_fetch(*, names: tuple[str, ...], config_file: Path | None, verify: bool) -> None:
    """Fetch weights by NAME; without any, those of the default engines."""
    with errors_in_words():
        home = load_home(config_file)
        if not names:
            _fetch_defaults(home, verify=verify)
        for name in names:
            _fetch(builtin_catalogue().with_weights(name), home, verify=verify)


def _fetch_defaults(home: Path, *, verify: bool) -> None:
    catalogue = builtin_catalogue()
    for role in catalogue.defaults:
        try:
            _fetch(catalogue.default(role), home, verify=verify)
        except WeightsError as error:
            fallback = catalogue.fallback(role)
            if fallback is None:
                raise
            click.echo(f"{error}\n{fallback.name} takes its place.", err=True)
            _fetch(fallback, home, verify=verify)


def _fetch(entry: Entry, home: Path, *, verify: bool) -> None:
    fetch(entry, home, progress=_progress(), verify=verify)
    click.echo(f"{entry.name}: ready")


class _Bar:
    """Progress as a bar, for terminals."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()

    def begin(self, title: str, total_bytes: int) -> None:
        """Draw an empty bar."""
        bar = click.progressbar(length=total_bytes, label=title, file=sys.stderr)
        self._bar = self._open.enter_context(bar)

    def reach(self, done_bytes: int) -> None:
        """Draw the bar so far."""
        self._bar.update(done_bytes - self._bar.pos)

    def end(self) -> None:
        """Leave the bar as it stands."""
        self._open.close()

    def note(self, line: str) -> None:
        """Write the line."""
        click.echo(line, err=True)


def _progress() -> Progress:
    return _Bar() if sys.stderr.isatty() else PlainProgress()
