"""All pages of the server, as the OpenAPI document tells of them."""

from __future__ import annotations

from collections.abc import Mapping

from antiphon.http.openapi.administration import ADMIN_OPERATIONS
from antiphon.http.openapi.files import FILE_OPERATIONS, MODEL_OPERATIONS, SERVER_OPERATIONS
from antiphon.http.openapi.kept import KEPT_OPERATIONS
from antiphon.http.openapi.operation import Operation
from antiphon.http.openapi.sessions import CALL_OPERATIONS, NOT_BUILT_OPERATIONS, SESSION_OPERATIONS

__all__ = ["OPERATIONS", "PATH_PARAMETERS"]

PATH_PARAMETERS: Mapping[str, str] = {
    "call_id": "Id of the call: the last segment of its `Location`.",
    "conversation_id": "Id of the conversation.",
    "item_id": "Id of the item.",
    "model": "Name of the model.",
    "response_id": "Id of the response.",
    "session_id": "Id of the session.",
}

OPERATIONS: tuple[Operation, ...] = (
    *SERVER_OPERATIONS,
    *MODEL_OPERATIONS,
    *FILE_OPERATIONS,
    *SESSION_OPERATIONS,
    *CALL_OPERATIONS,
    *KEPT_OPERATIONS,
    *ADMIN_OPERATIONS,
    *NOT_BUILT_OPERATIONS,
)
"""All of them. Each page that has a route has an operation here: a test compares the two."""
