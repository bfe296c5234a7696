"""One route for each path, whatever the methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

__all__ = ["joined"]

_Page: TypeAlias = Callable[[Request], Awaitable[Response]]


def joined(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """Return routes with those of the same path made one, at the place of the first.

    Who comes with another method is then told of all that there are: Starlette's own answer,
    405 with ``Allow``, knows of one route only.
    """
    found: dict[str, list[Route]] = {}
    others = []
    for route in routes:
        if isinstance(route, Route) and route.methods:
            found.setdefault(route.path, []).append(route)
        else:
            others.append(route)
    return [_one(alike) for alike in found.values()] + others


def _one(alike: list[Route]) -> Route:
    if len(alike) == 1:
        return alike[0]
    pages = {method: route.endpoint for route in alike for method in route.methods or ()}
    return Route(alike[0].path, _by_method(pages), methods=list(pages))


def _by_method(pages: Mapping[str, _Page]) -> _Page:
    async def answer(request: Request) -> Response:
        return await pages[request.method](request)

    return answer
