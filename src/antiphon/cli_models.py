"""The command line's ``antiphon models …``: what engines there are, and their weights."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import get_args

import click

from antiphon.cli_basics import config_option, errors_in_words
from antiphon.cli_listing import as_json, as_table, in_full, reference_in_full
from antiphon.config import Config, load_config, load_shelf
from antiphon.engines.base import Role
from antiphon.engines.catalogue import Catalogue, Entry
from antiphon.engines.choices import choice_of
from antiphon.engines.weights.hub import Reference, is_reference, known_references
from antiphon.engines.weights.hub_fetch import damaged_of, fetch_reference, forget
from antiphon.engines.weights.progress import PlainProgress, Progress, megabytes
from antiphon.engines.weights.store import fetch
from antiphon.engines.weights.upkeep import damaged_files, remove
from antiphon.errors import WeightsError

__all__ = ["models"]


@click.group(invoke_without_command=True)
@config_option
@click.option("--role", type=click.Choice(get_args(Role)), help="List engines of this role only.")
@click.option("--json", "for_programs", is_flag=True, help="List as JSON.")
@click.pass_context
def models(
    context: click.Context, *, config_file: Path | None, role: Role | None, for_programs: bool
) -> None:
    """List the engines of the catalogue, or see to their weights."""
    if context.invoked_subcommand is not None:
        return
    with errors_in_words():
        home, catalogue = load_shelf(config_file)
        if for_programs:
            click.echo(as_json(catalogue, home, role))
            return
        for line in as_table(catalogue, home, role):
            click.echo(line)


@models.command("show")
@click.argument("name")
@config_option
def models_show(*, name: str, config_file: Path | None) -> None:
    """Show all that the catalogue says of NAME, and where its weights are or would be."""
    with errors_in_words():
        home, catalogue = load_shelf(config_file)
        for line in _shown(name, catalogue, home):
            click.echo(line)


@models.command("fetch")
@click.argument("names", nargs=-1)
@config_option
@click.option("--verify", is_flag=True, help="Check the hashes of what is there already.")
def models_fetch(*, names: tuple[str, ...], config_file: Path | None, verify: bool) -> None:
    """Fetch weights by NAME; without any, those of the engines that are configured.

    NAME may also be hf:OWNER/REPO/FILE, a file of the Hugging Face hub, or hf:OWNER/REPO for all
    of a repository. An interrupted fetch is continued. What cannot be fetched does not keep the
    others from it.
    """
    with errors_in_words():
        home, catalogue = load_shelf(config_file)
        if names:
            fetches = [_fetch_of(name, catalogue, home, verify=verify) for name in names]
        else:
            fetches = list(_fetches_of(load_config(config_file), catalogue, verify=verify))
        failures = list(_failures(fetches))
        if failures:
            raise WeightsError("\n\n".join(failures))


@models.command("verify")
@click.argument("names", nargs=-1)
@config_option
def models_verify(*, names: tuple[str, ...], config_file: Path | None) -> None:
    """Read the weights of NAME, or all that are there, and compare their hashes."""
    with errors_in_words():
        home, catalogue = load_shelf(config_file)
        damaged = list(_damaged(names or tuple(_all_names(catalogue, home)), catalogue, home))
    for name, path in damaged:
        click.echo(f"{path} is damaged. Run: antiphon models fetch --verify {name}", err=True)
    if damaged:
        sys.exit(1)
    click.echo("All weights that are there are right.")


@models.command("remove")
@click.argument("names", nargs=-1, required=True)
@config_option
def models_remove(*, names: tuple[str, ...], config_file: Path | None) -> None:
    """Remove the weights of NAME from this machine; files that others share stay."""
    with errors_in_words():
        home, catalogue = load_shelf(config_file)
        references = [Reference.parse(name) for name in names if is_reference(name)]
        entries = [catalogue.with_weights(name) for name in names if not is_reference(name)]
        freed_bytes = remove(entries, catalogue.entries, home) if entries else 0
        freed_bytes += sum(forget(reference, home) for reference in references)
    click.echo(f"Freed {megabytes(freed_bytes)}.")


def _shown(name: str, catalogue: Catalogue, home: Path) -> Iterator[str]:
    if is_reference(name):
        yield from reference_in_full(name, home)
        return
    for entry in catalogue.named(name):
        yield from in_full(entry, catalogue, home)


_Fetch = Callable[[], None]


def _fetch_of(name: str, catalogue: Catalogue, home: Path, *, verify: bool) -> _Fetch:
    if is_reference(name):
        return partial(_fetch_reference, name, home, verify=verify)
    return partial(_fetch, catalogue.with_weights(name), home, verify=verify)


def _fetches_of(config: Config, catalogue: Catalogue, *, verify: bool) -> Iterator[_Fetch]:
    """Yield the fetches of what the server needs that would run with a configuration."""
    for role, chosen in config.engine_choices():
        if chosen is None:
            yield partial(_fetch_default, role, catalogue, config.home, verify=verify)
            continue
        name = choice_of(chosen).use
        if is_reference(name):
            yield partial(_fetch_reference, name, config.home, verify=verify)
        elif catalogue.knows(role, name) and catalogue.find(role, name).files:
            yield partial(_fetch, catalogue.find(role, name), config.home, verify=verify)


def _failures(fetches: Iterable[_Fetch]) -> Iterator[str]:
    """Do all fetches; yield what those say that fail."""
    for one in fetches:
        try:
            one()
        except WeightsError as error:
            yield str(error)


def _fetch_default(role: Role, catalogue: Catalogue, home: Path, *, verify: bool) -> None:
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


def _fetch_reference(text: str, home: Path, *, verify: bool) -> None:
    if verify:
        for path in _damaged_of(text, home):
            click.echo(f"{path} is damaged; fetching it anew", err=True)
            path.unlink()
    path = fetch_reference(text, home, _progress())
    click.echo(f"{text}: ready, {path}")


def _all_names(catalogue: Catalogue, home: Path) -> Iterator[str]:
    """Everything that may have weights here."""
    yield from (entry.name for entry in catalogue.entries if entry.files)
    yield from map(str, known_references(home))


def _damaged(
    names: tuple[str, ...], catalogue: Catalogue, home: Path
) -> Iterator[tuple[str, Path]]:
    """The damaged files of all names, each with the name that it belongs to."""
    for name in names:
        if is_reference(name):
            paths = _damaged_of(name, home)
        else:
            paths = damaged_files(catalogue.with_weights(name), home)
        yield from ((name, path) for path in paths)


def _damaged_of(text: str, home: Path) -> Iterable[Path]:
    """The damaged files of a reference."""
    reference, known = Reference.parse(text), known_references(home)
    return damaged_of(reference, known[reference], home) if reference in known else ()


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
