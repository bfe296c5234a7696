"""The pages about what is kept, where something is; SQLAlchemy is loaded only there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from antiphon.errors import RequestError
from antiphon.runtime.reception import Reception

__all__ = ["kept_admin_pages", "kept_pages"]

_Page: TypeAlias = Callable[[Request], Awaitable[Response]]
_Routed: TypeAlias = list[tuple[str, str, _Page]]

_ROUTES = (
    ("GET", "/realtime/responses"),
    ("GET", "/realtime/responses/{response_id}"),
    ("DELETE", "/realtime/responses/{response_id}"),
    ("GET", "/realtime/responses/{response_id}/audio"),
    ("GET", "/realtime/conversations/{conversation_id}/items"),
    ("GET", "/realtime/conversations/{conversation_id}/items/{item_id}/audio"),
    ("DELETE", "/realtime/conversations/{conversation_id}"),
)
_ADMIN_ROUTES = (
    ("GET", "/antiphon/usage"),
    ("GET", "/antiphon/latency"),
    ("GET", "/antiphon/errors"),
)


def kept_pages(reception: Reception) -> _Routed:
    """Return method, path and page of all about what is kept that needs an API key."""
    if reception.store is None:
        return [(*route, _nothing_kept) for route in _ROUTES]
    from antiphon.http.conversations import Conversations  # noqa: PLC0415
    from antiphon.http.responses import Responses  # noqa: PLC0415

    responses = Responses(reception.store, reception.config.currency)
    conversations = Conversations(reception.store, reception.live)
    pages: tuple[_Page, ...] = (
        responses.all,
        responses.one,
        responses.delete,
        responses.audio,
        conversations.items,
        conversations.audio,
        conversations.delete,
    )
    return [(*route, page) for route, page in zip(_ROUTES, pages, strict=True)]


def kept_admin_pages(reception: Reception) -> _Routed:
    """Return method, path and page of all about what is kept that needs an admin key."""
    if reception.store is None:
        return [(*route, _nothing_kept) for route in _ADMIN_ROUTES]
    from antiphon.http.statistics import Statistics  # noqa: PLC0415

    statistics = Statistics(reception.store, reception.config.currency)
    pages: tuple[_Page, ...] = (statistics.usage, statistics.latency, statistics.errors)
    return [(*route, page) for route, page in zip(_ADMIN_ROUTES, pages, strict=True)]


async def _nothing_kept(_request: Request) -> Response:
    message = (
        'This server keeps no responses. Have it keep them with [store] keep = "everything" in '
        "its configuration."
    )
    raise RequestError(message, code="nothing_kept")
