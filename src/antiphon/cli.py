"""The command line: ``antiphon serve | ask | models | check | config | key | schema``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio
import click

from antiphon.ask import Question, ask
from antiphon.cli_basics import config_option, errors_in_words
from antiphon.cli_models import models
from antiphon.cli_store import store
from antiphon.config import (
    Config,
    InvalidSettingError,
    file_to_read,
    hash_line,
    load,
    load_config,
    new_key,
    report,
    told,
    unused,
)
from antiphon.demo import demonstrate
from antiphon.logs import set_up_logs
from antiphon.wire.schema import json_schema

__all__ = ["main"]

_log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005
"""How long a thread of Python keeps others waiting while it computes. With Python's own 5 ms, a few
engines at work make frames of calls late."""

_ENGINE_HELP = "Name of the {} in the catalogue (see 'antiphon models')."


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="antiphon")
def main() -> None:
    """Antiphon: a self-hosted server that speaks the OpenAI Realtime API."""


main.add_command(models)
main.add_command(store)


@main.command()
@config_option
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
@click.option(
    "--console/--no-console", default=None, help="Serve the web page at /.  [default: --console]"
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
@click.option(
    "--admin-key",
    "admin_keys",
    multiple=True,
    help="Key for those who run the server; repeatable.",
)
@click.option(
    "--allow-anyone",
    is_flag=True,
    default=None,
    help="Listen where others reach the server, although no key is needed.",
)
@click.option("--max-sessions", type=click.IntRange(1), help="Sessions at once.  [default: 64]")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="The least that a line of the log has to matter.  [default: warning]",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="Lines for people, or for programs.  [default: text]",
)
@click.option("--verbose", is_flag=True, help="Log every session: --log-level info.")
def serve(*, config_file: Path | None, verbose: bool, **flags: object) -> None:
    """Serve until Ctrl-C. Flags go over the environment, and that over the configuration file."""
    from antiphon.http.server import run_server  # noqa: PLC0415 (only this command needs a server)

    if verbose:
        flags["log_level"] = flags["log_level"] or "info"
    with errors_in_words(), contextlib.suppress(KeyboardInterrupt):
        config_file = file_to_read(config_file)
        loaded = load(config_file, flags)
        config = loaded.config
        set_up_logs(config.log_format, config.log_level, content=config.log_content)
        for warning in unused(config):
            _log.warning("%s", warning)
        click.echo("Loading engines ...", err=True)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        # Not by asyncio alone: where sniffio is installed, which the OpenAI SDK needs, anyio takes
        # timers and callbacks for code outside of any loop unless it has begun the loop itself.
        try:
            anyio.run(
                run_server,
                config,
                partial(_announce, config),
                partial(load_config, config_file, **flags),
                backend_options={"loop_factory": _loop_factory()},
            )
        except InvalidSettingError as error:
            raise told(error, loaded.sources) from error


def _announce(config: Config, url: str) -> None:
    key = "YOUR_KEY" if config.needs_key else "none-needed"
    click.echo(f"Antiphon listens. Base URL: {url}/v1")
    click.echo(
        f'Client: AsyncOpenAI(base_url="{url}/v1", api_key="{key}")'
        f'.realtime.connect(model="{next(iter(config.models))}")'
    )
    if config.console:
        click.echo(f"Console: {url}")


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
    with errors_in_words():
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
    with errors_in_words():
        asyncio.run(demonstrate(wav, save=save, echo=click.echo))


@main.command()
@config_option
@click.option("--transcriber")
@click.option("--language-model")
@click.option("--synthesizer")
@click.option("--voice-detector")
@click.option("--turn-predictor")
@click.option("--denoiser")
def check(*, config_file: Path | None, **names: str | None) -> None:
    """Try every engine and model that is configured, and say how that went."""
    from antiphon.check import check as checked  # noqa: PLC0415 (only this command needs it)

    with errors_in_words():
        works = asyncio.run(checked(load(config_file, names), click.echo))
    if not works:
        sys.exit(1)


@main.command("config")
@config_option
def config_command(*, config_file: Path | None) -> None:
    """Print the configuration that holds, as TOML, and where each value comes from."""
    with errors_in_words():
        loaded = load(config_file)
        for line in report(loaded):
            click.echo(line)
        for warning in unused(loaded.config):
            click.echo(f"warning: {warning}", err=True)


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


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the fastest event loop there is; ``None`` for asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 (not on every platform)
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
