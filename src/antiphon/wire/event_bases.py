"""What events have in common. Field order is wire order, so bases come first."""

from __future__ import annotations

from msgspec import UNSET, Struct

from antiphon.wire.fields import ClientEventId, EventId, ItemReferenceId, ResponseId

__all__ = ["ClientEventBase", "ItemEventBase", "ResponseEventBase", "ServerEventBase"]


class ClientEventBase(Struct, frozen=True, kw_only=True, tag_field="type"):
    """An event from the client."""

    event_id: ClientEventId = UNSET


class ServerEventBase(Struct, frozen=True, kw_only=True, tag_field="type"):
    """An event from the server."""

    event_id: EventId


class ItemEventBase(ServerEventBase, frozen=True, kw_only=True):
    """An event about an item of the conversation."""

    item_id: ItemReferenceId


class ResponseEventBase(ServerEventBase, frozen=True, kw_only=True):
    """An event about a response."""

    response_id: ResponseId
