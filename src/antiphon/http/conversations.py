"""``/v1/realtime/conversations``: the items of conversations that are kept."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from antiphon.errors import RequestError
from antiphon.http.answers import json_response
from antiphon.http.parameters import NoParameters, read_parameters
from antiphon.http.responses import owner_of, with_key
from antiphon.http.sounds import wav_response
from antiphon.runtime.live import LiveSessions
from antiphon.store.deletion import delete_conversation
from antiphon.store.finding import (
    FoundItem,
    find_conversation,
    find_item,
    find_items,
    find_sessions,
    find_sound,
)
from antiphon.store.store import Store
from antiphon.wire.codec import encode
from antiphon.wire.kept import DeletedConversation, ItemNotes, ItemsQuery

__all__ = ["Conversations"]


class Conversations:
    """The routes of conversations. Who has no admin key sees those of the same key.

    Args:
        store: Where they are kept.
        live: The sessions that are open.
    """

    def __init__(self, store: Store, live: LiveSessions) -> None:
        self._store = store
        self._live = live

    async def items(self, request: Request) -> Response:
        """``GET /v1/realtime/conversations/{conversation_id}/items``."""
        query = read_parameters(request.query_params, ItemsQuery)
        conversation_id, owner = request.path_params["conversation_id"], owner_of(request)

        def find(connection: Connection) -> tuple[list[FoundItem], bool]:
            if not find_conversation(connection, conversation_id, owner):
                raise _not_found(conversation_id)
            return find_items(connection, conversation_id, query)

        found, has_more = await self._store.reading.run(find)
        return json_response(
            {
                "object": "list",
                "data": [msgspec.Raw(_entry(item)) for item in found],
                "first_id": found[0].id if found else None,
                "last_id": found[-1].id if found else None,
                "has_more": has_more,
            }
        )

    async def audio(self, request: Request) -> Response:
        """``GET /v1/realtime/conversations/{conversation_id}/items/{item_id}/audio``."""
        read_parameters(request.query_params, NoParameters)
        conversation_id, item_id = (request.path_params[name] for name in _PLACE)
        owner = owner_of(request)

        def find(connection: Connection) -> bytes | None:
            if find_item(connection, conversation_id, item_id, owner) is None:
                message = f"There is no item '{item_id[:64]}' in a conversation of this id here."
                raise RequestError(message, code="not_found", param="item_id")
            return find_sound(connection, conversation_id, item_id)

        sound = await self._store.reading.run(find)
        if sound is None:
            message = (
                f"No audio is kept of item '{item_id}': either it has none, or the server did not "
                "keep audio ([store] audio = true has it do so)."
            )
            raise RequestError(message, code="not_found", param="item_id")
        return await wav_response([sound])

    async def delete(self, request: Request) -> Response:
        """``DELETE /v1/realtime/conversations/{conversation_id}``.

        One that goes on is not deleted: what is said next would be kept again.
        """
        read_parameters(request.query_params, NoParameters)
        conversation_id, owner = request.path_params["conversation_id"], owner_of(request)

        def delete(connection: Connection) -> bool:
            if not find_conversation(connection, conversation_id, owner):
                return False
            self._check_over(conversation_id, find_sessions(connection, conversation_id))
            return delete_conversation(connection, conversation_id)

        if not await self._store.change(delete):
            raise _not_found(conversation_id)
        return json_response(DeletedConversation(id=conversation_id))

    def _check_over(self, conversation_id: str, session_ids: list[str]) -> None:
        """Check that none of a conversation's sessions is open.

        Raises:
            RequestError: ``conversation_in_use``.
        """
        for session in self._live:
            if session.opened.id in session_ids:
                message = (
                    f"Conversation '{conversation_id}' goes on, in session '{session.opened.id}'. "
                    "End the session, and delete the conversation then."
                )
                raise RequestError(message, code="conversation_in_use", param="conversation_id")


_PLACE = ("conversation_id", "item_id")


def _entry(found: FoundItem) -> bytes:
    notes = ItemNotes(
        created_at=found.created_at / 1_000_000,
        session_id=found.session_id,
        response_id=found.response_id,
        audio_ms=found.duration_ms,
    )
    return with_key(found.body.encode(), "antiphon", encode(notes))


def _not_found(conversation_id: str) -> RequestError:
    message = (
        f"There is no conversation '{conversation_id[:64]}' here. It may have been deleted, or "
        "never been kept."
    )
    return RequestError(message, code="not_found", param="conversation_id")
