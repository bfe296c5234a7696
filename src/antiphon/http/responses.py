"""``/v1/realtime/responses``: the responses that are kept, to be found again and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from antiphon.errors import RequestError
from antiphon.http.access import Access
from antiphon.http.answers import json_response
from antiphon.http.parameters import NoParameters, read_parameters
from antiphon.http.sounds import wav_response
from antiphon.store.deletion import delete_response
from antiphon.store.finding import (
    FoundResponse,
    Page,
    find_input,
    find_response,
    find_responses,
    find_spoken,
)
from antiphon.store.store import Store
from antiphon.wire.codec import encode
from antiphon.wire.kept import DeletedResponse, ResponseNotes, ResponsesQuery

__all__ = ["Responses", "owner_of", "page_response", "with_key"]

_T = TypeVar("_T")


class Responses:
    """The routes of responses. Who has no admin key sees what was made with the same key.

    Args:
        store: Where they are kept.
        currency: Of their costs.
    """

    def __init__(self, store: Store, currency: str) -> None:
        self._store = store
        self._currency = currency

    async def all(self, request: Request) -> Response:
        """``GET /v1/realtime/responses``."""
        query = read_parameters(request.query_params, ResponsesQuery)
        owner = owner_of(request)
        page = await self._store.reading.run(
            lambda connection: find_responses(connection, query, owner)
        )
        return page_response(page, self._currency)

    async def one(self, request: Request) -> Response:
        """``GET /v1/realtime/responses/{response_id}``."""
        read_parameters(request.query_params, NoParameters)
        response_id, owner = request.path_params["response_id"], owner_of(request)

        def find(connection: Connection) -> tuple[FoundResponse, list[str]] | None:
            found = find_response(connection, response_id, owner)
            return None if found is None else (found, find_input(connection, found))

        response, items = await self._find(find, response_id)
        return Response(_entry(response, self._currency, items), media_type="application/json")

    async def delete(self, request: Request) -> Response:
        """``DELETE /v1/realtime/responses/{response_id}``."""
        read_parameters(request.query_params, NoParameters)
        response_id, owner = request.path_params["response_id"], owner_of(request)

        def delete(connection: Connection) -> bool:
            found = find_response(connection, response_id, owner)
            return found is not None and delete_response(connection, found.id)

        if not await self._store.change(delete):
            raise _not_found(response_id)
        return json_response(DeletedResponse(id=response_id))

    async def audio(self, request: Request) -> Response:
        """``GET /v1/realtime/responses/{response_id}/audio``: what was spoken."""
        read_parameters(request.query_params, NoParameters)
        response_id, owner = request.path_params["response_id"], owner_of(request)

        def find(connection: Connection) -> list[bytes] | None:
            found = find_response(connection, response_id, owner)
            return None if found is None else find_spoken(connection, found)

        spoken = await self._find(find, response_id)
        if not spoken:
            message = (
                f"No audio is kept of response '{response_id}': either nothing was spoken, or the "
                "server did not keep audio ([store] audio = true has it do so)."
            )
            raise RequestError(message, code="not_found", param="response_id")
        return await wav_response(spoken)

    async def _find(self, find: Callable[[Connection], _T | None], response_id: str) -> _T:
        """Return what is found of a response, also if it has ended only now.

        Raises:
            RequestError: ``not_found``.
        """
        found = await self._store.reading.run(find)
        if found is None:
            await self._store.flush()
            found = await self._store.reading.run(find)
        if found is None:
            raise _not_found(response_id)
        return found


def owner_of(request: Request) -> str | None:
    """Return the name of the key whose responses a client may see; ``None`` for all."""
    access: Access = request.state.access
    return None if access.is_admin else access.key_name


def page_response(page: Page, currency: str) -> Response:
    """Return the answer with a page of responses."""
    entries = [msgspec.Raw(_entry(found, currency)) for found in page.found]
    return json_response(
        {
            "object": "list",
            "data": entries,
            "first_id": page.found[0].id if page.found else None,
            "last_id": page.found[-1].id if page.found else None,
            "has_more": page.has_more,
        }
    )


def _entry(found: FoundResponse, currency: str, items: list[str] | None = None) -> bytes:
    """Return a response as its client got it, to the byte, with one more key."""
    notes = ResponseNotes(
        created_at=found.created_at / 1_000_000,
        session_id=found.session_id,
        conversation_id=found.conversation_id,
        model=found.model,
        key=found.key_name,
        moments_ms=msgspec.json.decode(found.moments),
        input_items=msgspec.json.decode(found.input_items, type=tuple[str, ...]),
        has_audio=found.has_audio,
        cost=None if found.cost_micros is None else found.cost_micros / 1_000_000,
        currency=currency,
    )
    told = encode(notes)
    if items is not None:
        told = with_key(told, "input", encode([msgspec.Raw(item.encode()) for item in items]))
    return with_key(found.body.encode(), "antiphon", told)


def with_key(json_object: bytes, key: str, value: bytes) -> bytes:
    """Return a JSON object, which is not empty, with one more key at its end."""
    return json_object.rstrip().removesuffix(b"}") + b"," + encode(key) + b":" + value + b"}"


def _not_found(response_id: str) -> RequestError:
    message = (
        f"There is no response '{response_id[:64]}' here. It may have been deleted, or never been "
        "kept."
    )
    return RequestError(message, code="not_found", param="response_id")
