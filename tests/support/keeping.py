"""A server that keeps responses, without sessions: what is kept is put there by the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx2

from antiphon.config import ApiKey, Config, hash_line
from antiphon.http.app import build_app
from antiphon.runtime.models import Models
from antiphon.runtime.reception import Reception, open_reception
from antiphon.store.records import Record
from antiphon.store.store import Store
from tests.support.cast import make_cast

__all__ = ["KEYS", "Keeping", "bearer", "keeping"]

KEYS: dict[str, Any] = {
    "keys": (
        ApiKey(name="ann", hash=hash_line("key-ann")),
        ApiKey(name="bob", hash=hash_line("key-bob")),
    ),
    "admin_keys": ("key-admin",),
}
"""Configures two users and an administrator."""


def bearer(key: str) -> dict[str, str]:
    """Return the headers of who has a key."""
    return {"authorization": f"Bearer {key}"}


class Keeping(NamedTuple):
    """Such a server.

    Attributes:
        http: A client of it.
        store: Where it keeps responses.
        reception: Its sessions.
    """

    http: httpx2.AsyncClient
    store: Store
    reception: Reception

    async def keep(self, *records: list[Record]) -> None:
        """Have records kept, and wait until they are."""
        for some in records:
            for record in some:
                self.store.put(record)
        await self.store.flush()

    async def get(self, path: str, key: str | None = None, /, **parameters: Any) -> httpx2.Response:
        """Ask for a page."""
        headers = bearer(key) if key else None
        return await self.http.get(path, params=parameters or None, headers=headers)


@asynccontextmanager
async def keeping(**config: Any) -> AsyncIterator[Keeping]:
    """Open a server that keeps everything, until the context ends."""
    cast = make_cast()
    with TemporaryDirectory() as home:
        settings = Config(home=Path(home), **config)
        models = Models(settings, lambda _: cast.engines)
        async with open_reception(settings, models) as reception:
            assert reception.store is not None, "it keeps everything"
            transport = httpx2.ASGITransport(app=build_app(reception))
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
                yield Keeping(http, reception.store, reception)
