"""What all commands of the command line have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from antiphon.errors import AntiphonError

__all__ = ["config_option", "errors_in_words"]

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Configuration file.  [default: ANTIPHON_CONFIG, or antiphon.toml if it is there]",
)


@contextlib.contextmanager
def errors_in_words() -> Iterator[None]:
    """Let errors that the user can do something about end the program without a traceback."""
    try:
        yield
    except BrokenPipeError:
        raise  # who reads the output has what they want; click ends the program quietly
    except (AntiphonError, OSError) as error:
        raise click.ClickException(str(error)) from error
