"""Runs servers of the OpenAI API that other people wrote, each out of its own environment."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.clients.environments import CLIENTS, environment_of

__all__ = ["foreign_server"]


@contextmanager
def foreign_server(folder: str, app: str, variables: Mapping[str, str]) -> Iterator[str]:
    """Run a server until the context ends.

    Args:
        folder: Where its recipe is.
        app: Its ASGI application, ``module:name``.
        variables: What it reads from the environment.

    Yields:
        Its base URL.
    """
    python = environment_of(folder).python
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The child inherits the socket that listens already, so nobody has to wait for it.
        os.set_inheritable(listener.fileno(), True)
        process = subprocess.Popen(
            [python, CLIENTS / "asgi.py", app, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            env={**os.environ, **variables},
        )
        port = listener.getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()
