"""Runs the MCP server of ``tests/support/mcp_box.py`` in a process that tests may end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["THIS_MACHINE", "McpProcess", "mcp_process"]

THIS_MACHINE = ("127.0.0.0/8",)
"""``allow_private_addresses`` with which a server may connect to it."""


class McpProcess:
    """A server that runs.

    Attributes:
        url: Its address, ``http://127.0.0.1:port``.
    """

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}"

    def tool(self, path: str = "/mcp", **fields: object) -> dict[str, Any]:
        """Return the tool of a session that names it; no call needs approval."""
        return {
            "type": "mcp",
            "server_label": "box",
            "server_url": self.url + path,
            "require_approval": "never",
            **fields,
        }

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self._process.kill()
        self._process.wait()


@contextmanager
def mcp_process() -> Iterator[McpProcess]:
    """Run a server until the context ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The child inherits the socket that listens already, so nobody has to wait for it.
        os.set_inheritable(listener.fileno(), True)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.mcp_box", str(listener.fileno())],
            pass_fds=[listener.fileno()],
            cwd=Path(__file__).parents[2],
            text=True,
        )
        port = listener.getsockname()[1]
    try:
        yield McpProcess(process, port)
    finally:
        process.kill()
        process.wait()
