"""The command line: ``antiphon serve | ask | models | check | config | key | schema``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from antiphon.ask import Question, ask
from antiphon.config import (
    Config,
    hash_line,
    load,
    load_config,
    load_home,
    new_key,
    report,
)
from antiphon.demo import demonstrate
from antiphon.engines.catalogue import Entry, builtin_catalogue
from antiphon.engines.progress import PlainProgress, Progress, megabytes
from antiphon.engines.registry import Readiness, status
from antiphon.engines.weights import fetch, missing_files
from antiphon.errors import AntiphonError, WeightsError
from antiphon.wire.schema import json_schema

__all__ = ["main"]

_ENGINE_HELP = "Name of the {} in the catalogue (see 'antiphon models')."


_config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Configuration file.  [default: ANTIPHON_CONFIG, or antiphon.toml if it is there]",
)


@contextlib.contextmanager
def _errors_in_words() -> Iterator[None]:
    """Let errors that the user can do something about end the program without a traceback."""
    try:
        yield
    except (AntiphonError, OSError) as error:
        raise click.ClickException(str(error)) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="antiphon")
def main() -> None:
    """Antiphon: a self-hosted server that speaks the OpenAI Realtime API."""


@main.command()
@_config_option
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="TCP port.  [default: 8000]")
@click.option("--api-key", "api_keys", multiple=True, help="Key that clients may use; repeatable.")
@click.option(
    "--allow-origin",
    "allow_origins",
    multiple=True,
    help="Origin of web pages that may use the server, as https://app.example.org; repeatable.  "
    "[default: any page if there are keys, else pages of this machine]",
)
@click.option("--transcriber", help=_ENGINE_HELP.format("transcriber"))
@click.option("--language-model", help=_ENGINE_HELP.format("language model"))
@click.option("--synthesizer", help=_ENGINE_HELP.format("synthesizer"))
@click.option("--voice-detector", help=_ENGINE_HELP.format("voice detector"))
@click.option("--turn-predictor", help=_ENGINE_HELP.format("turn predictor"))
@click.option("--denoiser", help=_ENGINE_HELP.format("denoiser"))
@click.option(
    "--speculation",
    type=click.Choice(["off", "words", "answers"]),
    help="What is worked out while a speaker pauses.  [default: answers]",
)
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file that scripted engines act out.",
)
@click.option("--strict-models", is_flag=True, default=None, help="Refuse unknown model names.")
@click.option(
    "--beta-dialect", is_flag=True, default=None, help="Serve clients of the beta protocol too."
)
@click.option("--max-sessions", type=click.IntRange(1), help="Sessions at once.  [default: 64]")
@click.option("--verbose", is_flag=True, help="Log every session.")
def serve(*, config_file: Path | None, verbose: bool, **flags: object) -> None:
    """Serve until Ctrl-C. Flags go over the environment, and that over the configuration file."""
    from antiphon.http.server import run_server  # noqa: PLC0415 (only this command needs a server)

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    with _errors_in_words(), contextlib.suppress(KeyboardInterrupt):
        config = load_config(config_file, **flags)
        click.echo("Loading engines ...", err=True)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run_server(config, lambda url: _announce(config, url)))


def _announce(config: Config, url: str) -> None:
    key = "YOUR_KEY" if config.needs_key else "none-needed"
    click.echo(f"Antiphon listens. Base URL: {url}/v1")
    click.echo(
        f'Client: AsyncOpenAI(base_url="{url}/v1", api_key="{key}")'
        f'.realtime.connect(model="{config.models[0]}")'
    )


@main.command("ask")
@click.argument("wav", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", help="Ask in writing instead of by a recording.")
@click.option(
    "--url",
    default="http://127.0.0.1:8000/v1",
    show_default=True,
    help="Base URL of the server.",
)
@click.option(
    "--api-key", default="none-needed", envvar="ANTIPHON_API_KEY", help="The server's key."
)
@click.option("--model", default="antiphon", show_default=True, help="Model to ask.")
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="Write answer as WAV."
)
@click.option("--verify", is_flag=True, help="Fail unless the answer can be heard and understood.")
def ask_command(
    *,
    wav: Path | None,
    text: str | None,
    url: str,
    api_key: str,
    model: str,
    save: Path | None,
    verify: bool,
) -> None:
    """Ask a running server a question: a WAV file, or --text. Uses the official OpenAI SDK."""
    if (wav is None) == (text is None):
        message = "Give either a WAV file or --text."
        raise click.UsageError(message)
    question = Question(base_url=url, api_key=api_key, model=model, wav=wav, text=text)
    with _errors_in_words():
        asyncio.run(ask(question, save=save, verify=verify, echo=click.echo))


@main.command()
@click.argument("wav", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--save",
    default="answer.wav",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the answer as WAV.",
)
def demo(*, wav: Path, save: Path) -> None:
    """Start a server, ask it the question in a WAV file, and check its answer."""
    with _errors_in_words():
        asyncio.run(demonstrate(wav, save=save, echo=click.echo))


@main.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List the engines of the catalogue, or fetch their weights."""
    if context.invoked_subcommand is not None:
        return
    with _errors_in_words():
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
@_config_option
@click.option("--verify", is_flag=True, help="Check the hashes of what is there already.")
def models_fetch(*, names: tuple[str, ...], config_file: Path | None, verify: bool) -> None:
    """Fetch weights by NAME; without any, those of the default engines."""
    with _errors_in_words():
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


@main.command()
@_config_option
@click.option("--transcriber")
@click.option("--language-model")
@click.option("--synthesizer")
@click.option("--voice-detector")
@click.option("--turn-predictor")
@click.option("--denoiser")
def check(*, config_file: Path | None, **names: str | None) -> None:
    """Say what is missing to serve with the engines that are configured, and how to get it."""
    with _errors_in_words():
        config = load_config(config_file, **names)
        chosen = {role: getattr(config, role) for role in names}
        states = status(chosen, home=config.home)  # type: ignore[arg-type]  # options are roles
    for state in states:
        click.echo(f"{state.role:15} {state.name}: {state.readiness.value}")
        if state.problem:
            click.echo(f"{'':15} {state.problem}")
    if any(state.readiness is not Readiness.READY for state in states):
        sys.exit(1)


@main.command("config")
@_config_option
def config_command(*, config_file: Path | None) -> None:
    """Print the configuration that holds, as TOML, and where each value comes from."""
    with _errors_in_words():
        for line in report(load(config_file)):
            click.echo(line)


@main.command("key")
def key_command() -> None:
    """Make an API key. It is shown once; the server needs only its hash."""
    key = new_key()
    click.echo(f"Key, for the client:             {key}")
    click.echo(f'Hash, for "api_keys" of a server: {hash_line(key)}')


@main.command()
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema of a public type, or of all of them."""
    try:
        document = json_schema(name)
    except KeyError as error:
        raise click.BadParameter(error.args[0], param_hint="NAME") from error
    click.echo(json.dumps(document, indent=2))


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


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the fastest event loop there is; ``None`` for asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 (not on every platform)
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
