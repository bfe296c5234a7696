"""Deletes what is kept, so that nothing of it is left: rows, words in the index, audio."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, select, tuple_

from antiphon.store.schema import audio, item_text, items, response_metadata, responses, sessions

__all__ = [
    "ITEM_KEY",
    "delete_conversation",
    "delete_items",
    "delete_response",
    "delete_responses",
]

ITEM_KEY = (items.c.conversation_id, items.c.id)
"""What identifies an item."""


def delete_response(connection: Connection, response_id: str) -> bool:
    """Delete a response with its output: items, their words and their audio.

    What it answered stays, as it belongs to the conversation.

    Args:
        connection: In a transaction, which the caller commits.
        response_id: The response.

    Returns:
        Whether there was one.
    """
    delete_items(connection, select(*ITEM_KEY).where(items.c.response_id == response_id))
    return delete_responses(connection, responses.c.id == response_id) > 0


def delete_conversation(connection: Connection, conversation_id: str) -> bool:
    """Delete a conversation: its sessions, all of their responses and items, words and audio.

    Args:
        connection: In a transaction, which the caller commits.
        conversation_id: The conversation; of a session without one, the session.

    Returns:
        Whether there was anything.
    """
    ids = select(sessions.c.id).where(sessions.c.conversation_id == conversation_id)
    found = delete_responses(connection, responses.c.session_id.in_(connection.scalars(ids).all()))
    found += delete_responses(connection, responses.c.conversation_id == conversation_id)
    for table in (audio, item_text, items, sessions):
        deleted = delete(table).where(table.c.conversation_id == conversation_id)
        found += connection.execute(deleted).rowcount
    return found > 0


def delete_responses(connection: Connection, which: ColumnElement[bool]) -> int:
    """Delete responses without their output; return how many."""
    ids: Select[tuple[str]] = select(responses.c.id).where(which)
    connection.execute(delete(response_metadata).where(response_metadata.c.response_id.in_(ids)))
    return connection.execute(delete(responses).where(which)).rowcount


def delete_items(connection: Connection, which: Select[Any]) -> int:
    """Delete items, their words and their audio; return how many.

    Args:
        connection: In a transaction, which the caller commits.
        which: Finds the :data:`ITEM_KEY` of each; not of more than some hundreds.
    """
    found = [tuple(key) for key in connection.execute(which)]
    if not found:
        return 0
    for table in (audio, item_text):
        of_items = tuple_(table.c.conversation_id, table.c.item_id).in_(found)
        connection.execute(delete(table).where(of_items))
    of_items = tuple_(*ITEM_KEY).in_(found)
    return connection.execute(delete(items).where(of_items)).rowcount
