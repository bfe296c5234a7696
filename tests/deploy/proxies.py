"""nginx and Caddy, as the examples in deploy/ configure them, in front of a server of a test."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from antiphon.config import TlsChoice

__all__ = ["PROXIES", "proxy"]

DEPLOY = Path(__file__).parents[2] / "deploy"
PROXIES = ("nginx", "caddy")
PATIENCE_S = 20.0
TRIES = 5

_NAME = "voice.example.org"
_SERVER = "127.0.0.1:8000"


@contextmanager
def proxy(kind: str, server: str, tls: TlsChoice, folder: Path) -> Iterator[str]:
    """Run a proxy until the context ends.

    Args:
        kind: One of :data:`PROXIES`.
        server: The server's address, ``http://host:port``.
        tls: Its certificate, of ``localhost``.
        folder: For its files.

    Yields:
        Its address, ``https://localhost:port``.
    """
    if shutil.which(kind) is None:
        assert not os.environ.get("CI"), f"{kind} has to be installed where CI is set"
        pytest.skip(f"{kind} is not installed")
    begin = {"nginx": _begin_nginx, "caddy": _begin_caddy}[kind]
    process_id, port = _begun(begin, urlsplit(server).netloc, tls, folder)
    try:
        yield f"https://localhost:{port}"
    finally:
        os.kill(process_id, signal.SIGTERM)
        _wait_until(lambda: not Path(f"/proc/{process_id}").exists())


def _begun(begin, server: str, tls: TlsChoice, folder: Path) -> tuple[int, int]:
    """Begin on a port that is free; another process may take it first, so try again."""
    said = folder / "said.txt"
    for _ in range(TRIES):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        command, pid_file = begin(server, tls, folder, port)
        # Into a file: what goes on in the background would keep a pipe open.
        with said.open("w") as output:
            begun = subprocess.run(command, stdout=output, stderr=output, check=False)
        if begun.returncode == 0:  # both return once they listen, and note their id after that
            return _process_id(pid_file), port
        if "ddress already in use" not in said.read_text():
            break
    raise AssertionError(said.read_text())


def _process_id(pid_file: Path) -> int:
    _wait_until(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
    return int(pid_file.read_text())


def _begin_nginx(server: str, tls: TlsChoice, folder: Path, port: int):
    example = DEPLOY.joinpath("nginx.conf").read_text()
    # Of the two servers the second; the first, at port 80, only sends clients to it.
    head, _redirecting, serving = re.split(r"(?m)^server \{", example)
    http = f"{head}server {{{serving}"
    http = _replaced(http, "listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    http = _replaced(http, "    listen [::]:443 ssl;\n", "")
    http = _replaced(http, "server_name " + _NAME, "server_name localhost")
    http = _replaced(http, f"/etc/letsencrypt/live/{_NAME}/fullchain.pem", tls.certificate)
    http = _replaced(http, f"/etc/letsencrypt/live/{_NAME}/privkey.pem", tls.key)
    http = _replaced(http, "/var/log/nginx/antiphon.log", f"{folder}/access.log")
    http = _replaced(http, _SERVER, server)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    folder.joinpath("nginx.conf").write_text(
        f"{'user root;' if os.getuid() == 0 else ''}\npid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{}}\nhttp {{\n{temporary}{http}}}\n"
    )
    command = [
        "nginx",
        "-p",
        str(folder),
        "-e",
        f"{folder}/error.log",
        "-c",
        f"{folder}/nginx.conf",
    ]
    return command, folder / "nginx.pid"


def _begin_caddy(server: str, tls: TlsChoice, folder: Path, port: int):
    example = DEPLOY.joinpath("Caddyfile").read_text()
    here = f"\tbind 127.0.0.1\n\ttls {tls.certificate} {tls.key}"
    address = f"{{$ANTIPHON_NAME:{_NAME}}} {{"
    site = _replaced(example, address, f"https://localhost:{port} {{\n{here}")
    site = _replaced(site, _SERVER, server)
    alone = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"
    folder.joinpath("Caddyfile").write_text(alone + site)
    pid_file = folder / "caddy.pid"
    command = ["caddy", "start", "--adapter", "caddyfile"]
    return [*command, "--config", f"{folder}/Caddyfile", "--pidfile", str(pid_file)], pid_file


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text, f"the example has changed: {old}"
    return text.replace(old, new)


def _wait_until(happened: Callable[[], bool]) -> None:
    """Wait for another process, of which nothing else is told."""
    until_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < until_s, "the proxy does not begin, or end"
        time.sleep(0.01)
