"""What the engines of one server share: its connections, its models, whether it is down."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import httpx2
import msgspec
import openai
from msgspec import Struct

from antiphon.engines.addresses import without_passwords
from antiphon.engines.http.bounds import bound_body
from antiphon.engines.http.breaker import CircuitBreaker
from antiphon.engines.http.options import ServerOptions

__all__ = ["Server", "lend_server"]

_ANY_KEY = "none-needed"
"""Sent where the operator gives no key; the library would look for one in the environment, which
is not meant for this server."""

_IDLE_CONNECTION_S = 60.0
"""How long a connection is kept open: people pause longer than the library's 5 seconds."""

_MOST_CONNECTIONS = 1000
"""As the library has it by default; sessions must not wait for one another here."""


class _Model(Struct):
    id: str


class _Models(Struct):
    data: tuple[_Model, ...]


class _Identity(NamedTuple):
    """Engines that agree in it mean the same server."""

    base_url: str
    api_key: str | None
    headers: tuple[tuple[str, str], ...]


class Server:
    """A server that speaks the OpenAI API. Made by :func:`lend_server`.

    Attributes:
        base_url: Its address, for the log: without a password.
        client: Sends requests, once each: sending again is up to ``calls.py``.
        breaker: Whether it is down.
        models: Names of its models; ``None`` as long as it has not said.
        borrowers: How many engines use it.
    """

    def __init__(self, options: ServerOptions) -> None:
        self.base_url = without_passwords(options.base_url)
        self.borrowers = 0
        self.breaker = CircuitBreaker(options.failures_in_a_row, options.rest_s)
        self.models: tuple[str, ...] | None = None
        self._identity = _identity(options)
        self._connect_timeout_s = options.connect_timeout_s
        self._common: dict[str, Any] = {
            "base_url": options.base_url,
            "api_key": options.api_key or _ANY_KEY,
            "default_headers": options.headers,
            "max_retries": 0,
        }
        limits = httpx2.Limits(
            max_connections=_MOST_CONNECTIONS, keepalive_expiry=_IDLE_CONNECTION_S
        )
        # How long an answer may take is for each engine to say; only connecting is alike for all.
        timeout = httpx2.Timeout(None, connect=self._connect_timeout_s)
        connections = openai.DefaultAsyncHttpxClient(
            timeout=timeout,
            limits=limits,
            follow_redirects=False,  # headers and what was said would go along
            event_hooks={"request": [_put_together], "response": [_bound]},
        )
        self.client = openai.AsyncOpenAI(**self._common, http_client=connections)

    def get(self, path: str) -> object:
        """Ask for something before there is an event loop: blocks, on a connection of its own.

        Returns:
            The body's JSON.

        Raises:
            openai.OpenAIError: The server cannot be reached or refuses.
        """
        connection = openai.DefaultHttpxClient(
            timeout=self._connect_timeout_s,
            follow_redirects=False,
            event_hooks={"response": [bound_body]},
        )
        with openai.OpenAI(**self._common, http_client=connection) as client:
            return client.get(path, cast_to=object)

    def look_up_models(self) -> tuple[str, ...]:
        """Ask which models it has, unless it has said so. Blocks.

        Raises:
            openai.OpenAIError: The server cannot be reached or refuses.
        """
        if self.models is None:
            self.models = _names(self.get("/models"))
        return self.models

    async def find_models(self) -> tuple[str, ...]:
        """Ask which models it has, unless it has said so.

        Raises:
            openai.OpenAIError: The server cannot be reached or refuses.
        """
        if self.models is None:
            self.models = _names(await self.client.get("/models", cast_to=object))
        return self.models

    async def give_back(self) -> None:
        """Say that an engine needs it no more; the last one closes its connections."""
        with _lock:
            self.borrowers -= 1
            if self.borrowers:
                return
            del _lent[self._identity]
        await self.client.close()


_lent: dict[_Identity, Server] = {}
_lock = threading.Lock()  # factories run on threads


def lend_server(options: ServerOptions) -> Server:
    """Return the server that the options mean, the same to all who mean the same.

    Raises:
        httpx2.InvalidURL: The address cannot be one.
    """
    identity = _identity(options)
    with _lock:
        server = _lent.get(identity)
        if server is None:
            server = _lent[identity] = Server(options)
        server.borrowers += 1
        return server


async def _put_together(request: httpx2.Request) -> None:
    """Have a form sent as one piece. Of its two dozen, each would wait for all other sessions."""
    await request.aread()


async def _bound(response: httpx2.Response) -> None:
    bound_body(response)


def _identity(options: ServerOptions) -> _Identity:
    headers = tuple(sorted(options.headers.items()))
    return _Identity(options.base_url.rstrip("/"), options.api_key, headers)


def _names(listed: object) -> tuple[str, ...]:
    try:
        return tuple(model.id for model in msgspec.convert(listed, _Models).data)
    except msgspec.ValidationError:  # it has something else at this address
        return ()
