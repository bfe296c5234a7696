"""A server and a client, to see both at work: ``antiphon demo question.wav``."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from antiphon.ask import AskError, Question, ask

__all__ = ["demonstrate"]

STOP_TIMEOUT_S = 15.0
_BASE_URL = re.compile(r"Base URL: (\S+)")


async def demonstrate(wav: Path, *, save: Path, echo: Callable[[str], object]) -> None:
    """Start a server with the default engines, ask it a recorded question, and stop it.

    Args:
        wav: The question; 16-bit PCM.
        save: Where to write the answer as a WAV file.
        echo: Prints a line.

    Raises:
        AskError: The server did not start, or its answer cannot be heard and understood.
    """
    with _server() as base_url:
        echo(f"The server listens at {base_url}. Asking it {wav} ...\n")
        question = Question(base_url=base_url, api_key="none-needed", model="antiphon", wav=wav)
        await ask(question, save=save, verify=True, echo=echo)


@contextmanager
def _server() -> Iterator[str]:
    """Run ``antiphon serve`` on a free port and yield its base URL."""
    command = [sys.executable, "-m", "antiphon.cli", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 (itself)
        assert server.stdout is not None
        try:
            announced = (_BASE_URL.search(line) for line in server.stdout)
            base_url = next((match[1] for match in announced if match), None)
            if base_url is None:
                message = f"The server ended with exit status {server.wait()} before it listened."
                raise AskError(message)
            yield base_url
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(STOP_TIMEOUT_S)
