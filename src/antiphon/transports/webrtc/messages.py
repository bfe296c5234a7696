"""Events as messages of a data channel, which are of limited length."""

from __future__ import annotations

from typing import Any

import msgspec

from antiphon.errors import RequestError
from antiphon.runtime.entropy import RandomEntropy
from antiphon.transports.webrtc.peer import MAX_MESSAGE_BYTES
from antiphon.wire.codec import encode
from antiphon.wire.error import ErrorObject
from antiphon.wire.server_events import ErrorEvent

__all__ = ["message_of"]

_MEDIA = ("audio", "image_url")
"""Keys of content parts that hold sound and pictures, of items that the client asked for."""

_entropy = RandomEntropy()


def message_of(event: bytes, limit_bytes: int = MAX_MESSAGE_BYTES) -> str:
    """Return an event as a message.

    An item that was asked for loses its sound and pictures where it is too long with them: clients
    ask for items to read them. In the place of any other event that is too long comes an error that
    names it.

    Args:
        event: JSON, in UTF-8.
        limit_bytes: Length of the longest message, in UTF-8.
    """
    if len(event) <= limit_bytes:
        return event.decode()
    decoded = msgspec.json.decode(event)
    if decoded["type"] == "conversation.item.retrieved":
        bare = encode(_without_media(decoded))
        if len(bare) <= limit_bytes:
            return bare.decode()
    message = (
        f"An event '{decoded['type']}' of {len(event)} bytes was left out: a message on a data "
        f"channel has at most {limit_bytes}. A WebSocket that is attached with ?call_id= gets it."
    )
    error = RequestError(message, code="event_too_long", type="server_error")
    left_out = ErrorEvent(event_id=_entropy.identifier("event"), error=ErrorObject.of(error))
    return encode(left_out).decode()


def _without_media(retrieved: dict[str, Any]) -> dict[str, Any]:
    item = retrieved["item"]
    content = [
        {key: value for key, value in part.items() if key not in _MEDIA}
        for part in item.get("content", [])
    ]
    return {**retrieved, "item": {**item, "content": content}}
