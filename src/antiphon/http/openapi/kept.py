"""Pages of what is kept."""

from __future__ import annotations

from antiphon.http.openapi.operation import JSON, KEY_ERRORS, READING_ERRORS, Key, Operation
from antiphon.http.parameters import NoParameters
from antiphon.wire import kept, pages

__all__ = ["KEPT_OPERATIONS"]

_WAV = "audio/wav"


KEPT_OPERATIONS = (
    Operation(
        "GET",
        "/v1/realtime/responses",
        "list_responses",
        "Kept responses",
        "Find responses by what is known of them.",
        Key.ANY,
        query=kept.ResponsesQuery,
        answer={JSON: kept.KeptResponseList},
        errors=READING_ERRORS,
    ),
    Operation(
        "GET",
        "/v1/realtime/responses/{response_id}",
        "get_response",
        "Kept responses",
        "A response.",
        Key.ANY,
        query=NoParameters,
        answer={JSON: kept.KeptResponse},
        errors=READING_ERRORS,
    ),
    Operation(
        "DELETE",
        "/v1/realtime/responses/{response_id}",
        "delete_response",
        "Kept responses",
        "Delete a response and the items that it made.",
        Key.ANY,
        query=NoParameters,
        answer={JSON: kept.DeletedResponse},
        errors=READING_ERRORS,
    ),
    Operation(
        "GET",
        "/v1/realtime/responses/{response_id}/audio",
        "get_response_audio",
        "Kept responses",
        "What was spoken, if audio is kept.",
        Key.ANY,
        query=NoParameters,
        answer={_WAV: None},
        errors=READING_ERRORS,
    ),
    Operation(
        "GET",
        "/v1/realtime/conversations/{conversation_id}/items",
        "list_items",
        "Kept responses",
        "The items of a conversation.",
        Key.ANY,
        query=kept.ItemsQuery,
        answer={JSON: kept.KeptItemList},
        errors=READING_ERRORS,
    ),
    Operation(
        "GET",
        "/v1/realtime/conversations/{conversation_id}/items/{item_id}/audio",
        "get_item_audio",
        "Kept responses",
        "What was said in an item, if audio is kept.",
        Key.ANY,
        query=NoParameters,
        answer={_WAV: None},
        errors=READING_ERRORS,
    ),
    Operation(
        "DELETE",
        "/v1/realtime/conversations/{conversation_id}",
        "delete_conversation",
        "Kept responses",
        "Delete a conversation with all that belongs to it.",
        Key.ANY,
        query=NoParameters,
        answer={JSON: kept.DeletedConversation},
        errors=(*READING_ERRORS, 409),
    ),
    Operation(
        "GET",
        "/v1/antiphon/timelines/{response_id}",
        "get_timeline",
        "Kept responses",
        "Where the time of one of the latest responses went.",
        Key.ANY,
        answer={JSON: pages.ResponseTimeline},
        errors=(*KEY_ERRORS, 404),
    ),
)
