"""What is kept of sessions: how it is asked for, and what is answered.

The hosted API has none of these pages; the lists have the shape that its lists have. A query takes
no other parameters than those of its struct.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from antiphon.wire.fields import ItemId, Metadata, TokenCount
from antiphon.wire.items import RealtimeConversationItem
from antiphon.wire.response import RealtimeResponse, StatusReason

__all__ = [
    "MAX_PAGE",
    "Bucket",
    "DeletedConversation",
    "DeletedResponse",
    "EndedStatus",
    "ErrorsQuery",
    "ItemNotes",
    "ItemsQuery",
    "KeptItem",
    "KeptItemList",
    "KeptResponse",
    "KeptResponseList",
    "LatencyList",
    "LatencyPoint",
    "LatencyQuery",
    "Order",
    "ResponseNotes",
    "ResponsesQuery",
    "Stage",
    "UsageGroup",
    "UsageList",
    "UsageQuery",
    "UsageSum",
]

MAX_PAGE = 100
"""Entries of one page of a list."""

_LAST_S = 253_402_300_799  # 9999-12-31T23:59:59Z: what calendars can write

Order = Literal["desc", "asc"]
EndedStatus = Literal["completed", "cancelled", "failed", "incomplete"]
Stage = Literal["voice_to_voice", "transcribed", "first_token", "first_audio"]
Bucket = Literal["minute", "hour", "day"]
UsageGroup = Literal["day", "hour", "model", "key"]

_Text = Annotated[str, Meta(max_length=256)]
_Time = Annotated[float, Meta(ge=0, le=_LAST_S)]

_Limit = Annotated[int, Meta(ge=1, le=MAX_PAGE, description="Most entries of the page.")]
_Model = Annotated[_Text | UnsetType, Meta(description="The model's name in the configuration.")]
_From = Annotated[
    _Time | UnsetType, Meta(description="Nothing from before this, in seconds of the Unix clock.")
]
_To = Annotated[
    _Time | UnsetType,
    Meta(description="Nothing from this time on, in seconds of the Unix clock; now if absent."),
]
_FirstId = Annotated[str | None, Meta(description="Id of the page's first entry; null if empty.")]
_LastId = Annotated[
    str | None, Meta(description="Id of its last entry: `after` it begins the next page.")
]
_HasMore = Annotated[bool, Meta(description="Whether the list goes on beyond the page.")]
_ListObject = Annotated[Literal["list"], Meta(description="The kind of object.")]
_CreatedAt = Annotated[float, Meta(description="When it came into being, by the Unix clock.")]
_SessionId = Annotated[str, Meta(description="The session that it was made in.")]


class ErrorsQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of ``GET /v1/antiphon/errors``: the newest responses that failed."""

    since: _From = field(name="from", default=UNSET)
    until: _To = field(name="to", default=UNSET)
    limit: _Limit = 20
    after: Annotated[
        _Text | UnsetType, Meta(description="Id of the response after which the page begins.")
    ] = UNSET


class ResponsesQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of ``GET /v1/realtime/responses``: what holds of all that is wanted."""

    metadata: Annotated[
        Metadata, Meta(description="Pairs of their metadata, each written `metadata[KEY]=VALUE`.")
    ] = field(default_factory=dict)
    status: Annotated[EndedStatus | UnsetType, Meta(description="How they ended.")] = UNSET
    reason: Annotated[StatusReason | UnsetType, Meta(description="Why they ended so.")] = UNSET
    model: _Model = UNSET
    session_id: Annotated[_Text | UnsetType, Meta(description="Their session.")] = UNSET
    conversation_id: Annotated[
        _Text | UnsetType,
        Meta(description="The conversation that they belong to; none do that are out of band."),
    ] = UNSET
    key: Annotated[
        _Text | UnsetType,
        Meta(description="What the API key is called that they were made with."),
    ] = UNSET
    text: Annotated[
        Annotated[str, Meta(min_length=1, max_length=256)] | UnsetType,
        Meta(description="Words of one of the items that they read or made, in any order."),
    ] = UNSET
    created_after: Annotated[
        _Time | UnsetType, Meta(description="Made at this time or later, by the Unix clock.")
    ] = UNSET
    created_before: Annotated[
        _Time | UnsetType, Meta(description="Made before this time, by the Unix clock.")
    ] = UNSET
    limit: _Limit = 20
    after: Annotated[
        _Text | UnsetType, Meta(description="Id of the response after which the page begins.")
    ] = UNSET
    before: Annotated[
        _Text | UnsetType, Meta(description="Id of the response before which the page ends.")
    ] = UNSET
    order: Annotated[Order, Meta(description="`desc`: the newest first.")] = "desc"


class ItemsQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of ``GET /v1/realtime/conversations/{conversation_id}/items``."""

    order: Annotated[Order, Meta(description="`asc`: as in the conversation.")] = "asc"
    limit: _Limit = 20
    after: Annotated[
        ItemId | UnsetType, Meta(description="Id of the item after which the page begins.")
    ] = UNSET


class UsageQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of ``GET /v1/antiphon/usage``."""

    group_by: Annotated[
        tuple[UsageGroup, ...], Meta(description="What is told apart, separated by commas.")
    ] = ("day", "model", "key")
    since: _From = field(name="from", default=UNSET)
    until: _To = field(name="to", default=UNSET)


class LatencyQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of ``GET /v1/antiphon/latency``."""

    stage: Annotated[Stage, Meta(description="What is timed.")] = "voice_to_voice"
    bucket: Annotated[
        Bucket, Meta(description="Span of each point. Minutes are known of the last two days.")
    ] = "hour"
    since: _From = field(name="from", default=UNSET)
    until: _To = field(name="to", default=UNSET)
    model: _Model = UNSET


class ResponseNotes(Struct, frozen=True, kw_only=True):
    """What the server knows of a response beside the response itself."""

    created_at: _CreatedAt
    session_id: _SessionId
    conversation_id: Annotated[
        str | None, Meta(description="Its conversation; null if it is out of band.")
    ]
    model: Annotated[str, Meta(description="The name of the model that the client asked for.")]
    key: Annotated[
        str | None,
        Meta(description="What the API key is called it was made with; null if none was needed."),
    ]
    moments_ms: Annotated[
        dict[str, float],
        Meta(description="Where its time went: milliseconds since the first of the moments."),
    ]
    input_items: Annotated[tuple[str, ...], Meta(description="Ids of the items that it answered.")]
    has_audio: Annotated[bool, Meta(description="Whether what was spoken is kept.")]
    cost: Annotated[float | None, Meta(description="What it cost; null if there is no price.")]
    currency: Annotated[str | None, Meta(description="The currency of the cost.")]
    input: Annotated[
        tuple[RealtimeConversationItem, ...] | UnsetType,
        Meta(description="The items that it answered, where one response is asked for."),
    ] = UNSET


class KeptResponse(RealtimeResponse, frozen=True, kw_only=True):
    """A response as its client got it in ``response.done``, and what else is known of it."""

    antiphon: Annotated[ResponseNotes, Meta(description="What the server knows of it.")]


class KeptResponseList(Struct, frozen=True, kw_only=True):
    """A page of responses."""

    object: _ListObject = "list"
    data: Annotated[tuple[KeptResponse, ...], Meta(description="The responses, in order.")]
    first_id: _FirstId
    last_id: _LastId
    has_more: _HasMore


class DeletedResponse(Struct, frozen=True, kw_only=True):
    """A response is deleted, and the items that it made."""

    id: Annotated[str, Meta(description="Its id.")]
    object: Annotated[Literal["realtime.response.deleted"], Meta(description="What happened.")] = (
        "realtime.response.deleted"
    )
    deleted: Annotated[bool, Meta(description="Always true.")] = True


class DeletedConversation(Struct, frozen=True, kw_only=True):
    """A conversation is deleted, with all its items and all responses of its sessions."""

    id: Annotated[str, Meta(description="Its id.")]
    object: Annotated[
        Literal["realtime.conversation.deleted"], Meta(description="What happened.")
    ] = "realtime.conversation.deleted"
    deleted: Annotated[bool, Meta(description="Always true.")] = True


class ItemNotes(Struct, frozen=True, kw_only=True):
    """What the server knows of an item beside the item itself."""

    created_at: _CreatedAt
    session_id: _SessionId
    response_id: Annotated[
        str | None, Meta(description="The response that it is the output of; null if of none.")
    ]
    audio_ms: Annotated[
        int | None, Meta(description="Milliseconds of its audio; null if none is kept.")
    ]


def _notes_schema() -> dict[str, Any]:
    _, definitions = msgspec.json.schema_components((ItemNotes,))
    return {"properties": {"antiphon": definitions["ItemNotes"]}, "required": ["antiphon"]}


KeptItem: TypeAlias = Annotated[RealtimeConversationItem, Meta(extra_json_schema=_notes_schema())]
"""An item as its client got it, and ``antiphon``: :class:`ItemNotes`."""


class KeptItemList(Struct, frozen=True, kw_only=True):
    """A page of a conversation's items."""

    object: _ListObject = "list"
    data: Annotated[
        tuple[KeptItem, ...],
        Meta(description="The items, each with a key `antiphon`: see ItemNotes."),
    ]
    first_id: _FirstId
    last_id: _LastId
    has_more: _HasMore


class UsageSum(Struct, frozen=True, kw_only=True):
    """What some responses used together. They are alike in what they are grouped by."""

    day: Annotated[str | UnsetType, Meta(description="The day in UTC, as `2026-01-31`.")] = UNSET
    hour: Annotated[
        int | UnsetType, Meta(description="Where the hour begins, in seconds of the Unix clock.")
    ] = UNSET
    model: Annotated[str | UnsetType, Meta(description="Their model.")] = UNSET
    key: Annotated[
        str | UnsetType | None,
        Meta(description="What their API key is called; null where none was needed."),
    ] = UNSET
    responses: Annotated[int, Meta(ge=0, description="How many they are.")]
    failed: Annotated[int, Meta(ge=0, description="How many of them failed.")]
    input_tokens: Annotated[TokenCount, Meta(description="Tokens that the models read.")]
    output_tokens: Annotated[TokenCount, Meta(description="Tokens that they wrote or spoke.")]
    cached_tokens: Annotated[TokenCount, Meta(description="Of those read: known from before.")]
    input_audio_tokens: Annotated[TokenCount, Meta(description="Of those read: audio.")]
    output_audio_tokens: Annotated[TokenCount, Meta(description="Of those written: audio.")]
    cost: Annotated[float | None, Meta(description="What it cost; null if nothing has a price.")]


class UsageList(Struct, frozen=True, kw_only=True):
    """Usage by day or hour, model and key."""

    object: _ListObject = "list"
    data: Annotated[tuple[UsageSum, ...], Meta(description="The newest first.")]
    currency: Annotated[str | None, Meta(description="The currency of the cost.")]


class LatencyPoint(Struct, frozen=True, kw_only=True):
    """How long a stage took in one span of time, by whole histograms: to 2 % of the value."""

    at: Annotated[int, Meta(description="Where the span begins, in seconds of the Unix clock.")]
    count: Annotated[int, Meta(ge=1, description="Of how many responses.")]
    p50_ms: Annotated[float, Meta(description="Half of them took no longer.")]
    p95_ms: Annotated[float, Meta(description="95 of 100 took no longer.")]
    p99_ms: Annotated[float, Meta(description="99 of 100 took no longer.")]


class LatencyList(Struct, frozen=True, kw_only=True):
    """Latencies over time. Spans without responses are left out."""

    object: _ListObject = "list"
    stage: Annotated[Stage, Meta(description="What was timed.")]
    data: Annotated[tuple[LatencyPoint, ...], Meta(description="The points, oldest first.")]
