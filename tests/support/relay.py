"""A server in front of another, which answers for it: both real, in process, on free ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from antiphon.config import ModelChoice, UpstreamChoice
from antiphon.engines.scripted.script import Script
from tests.support.server import Served, running_server

__all__ = ["KEY", "Relay", "front_of", "relaying"]

KEY = "sk-of-the-operator"
"""Opens the server behind; clients of the one in front are never to see it."""


@dataclass(frozen=True)
class Relay:
    """Two servers.

    Attributes:
        front: Where clients connect.
        behind: Where the engines are.
    """

    front: Served
    behind: Served


def front_of(url: str, **model: Any) -> dict[str, Any]:
    """Return the configuration of a server for whose model another one answers.

    Args:
        url: The other one's, ``http://host:port``.
        model: More of the model; of ``upstream``, what is not the address or the key.
    """
    upstream = {"use": f"ws{url.removeprefix('http')}/v1#behind", "api_key": KEY}
    choice = UpstreamChoice(**upstream | model.pop("upstream", {}))
    return {"models": {"antiphon": ModelChoice(upstream=choice, **model)}}


@asynccontextmanager
async def relaying(
    script: Script | None = None,
    *,
    behind: dict[str, Any] | None = None,
    model: dict[str, Any] | None = None,
    **front: Any,
) -> AsyncIterator[Relay]:
    """Run both until the context ends.

    Args:
        script: What the engines of the server behind act out.
        behind: Configuration of that server, beside its key.
        model: More of the model of the server in front.
        front: Configuration of the server in front.
    """
    own = {"api_keys": (KEY,), "strict_models": True, "models": {"behind": ModelChoice()}}
    async with running_server(script, **own | (behind or {})) as service:
        settings = front_of(service.url, **model or {}) | front
        async with running_server(**settings) as server:
            yield Relay(server, service)
