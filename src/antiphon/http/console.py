"""``/``: the console, a web page to talk with the server and see what it does.

Its files are part of the package, in ``console/``. They are small, so they are read once, when the
server starts. The page asks for nothing from anywhere else, and its policy would not let it.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable

from msgspec import Struct
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["Console"]

_PAGES = ("/", "/dashboard", "/dashboard/{path:path}")
"""Addresses that the page is served at; its scripts show what each is for."""

_FOLDER = "/console"
"""Path of its scripts, styles and fonts."""

_INDEX = "index.html"

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}
"""Media types by the endings of file names. The system's own table differs between machines."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "media-src 'self' blob:; connect-src 'self'; require-trusted-types-for 'script'; "
    "trusted-types 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page gets everything from this server, and runs no script that is not a file of its own."""

_HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    # Asked for again each time, answered with 304: pages of two versions never mix.
    "cache-control": "no-cache",
}


class _File(Struct, frozen=True):
    content: bytes
    media_type: str
    etag: str


class Console:
    """The routes of the console. They need no key: what the page asks for does."""

    def __init__(self) -> None:
        self._files = _read(resources.files("antiphon") / "console")

    def routes(self) -> list[Route]:
        """Return the routes of the page, and of the files that it asks for."""
        pages = [Route(path, self._page) for path in _PAGES]
        return [*pages, Route(f"{_FOLDER}/{{path:path}}", self._file)]

    async def _page(self, request: Request) -> Response:
        """``GET /``."""
        return self._answer(_INDEX, request.headers)

    async def _file(self, request: Request) -> Response:
        """``GET /console/{path}``."""
        path = request.path_params["path"]
        if path not in self._files:
            raise HTTPException(404)
        return self._answer(path, request.headers)

    def _answer(self, path: str, headers: Headers) -> Response:
        file = self._files[path]
        answered = {**_HEADERS, "etag": file.etag}
        if file.etag in headers.get("if-none-match", ""):
            return Response(status_code=304, headers=answered)
        return Response(file.content, media_type=file.media_type, headers=answered)


def _read(folder: Traversable, prefix: str = "") -> dict[str, _File]:
    """Return the files below a folder by their paths, those with a known ending."""
    files: dict[str, _File] = {}
    for entry in folder.iterdir():
        path = prefix + entry.name
        if entry.is_dir():
            files |= _read(entry, f"{path}/")
        elif media_type := _TYPES.get(entry.name.rpartition(".")[2]):
            content = entry.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            files[path] = _File(content, media_type, etag)
    return files
