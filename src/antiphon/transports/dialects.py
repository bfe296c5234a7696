"""How a connection's frames are worded: by the present protocol, or by the beta protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from antiphon.errors import RequestError
from antiphon.runtime.openings import DialectName
from antiphon.wire.beta import beta_event, current_event
from antiphon.wire.codec import encode
from antiphon.wire.fields import MAX_EVENT_ID_CHARS

__all__ = ["DIALECTS", "Dialect"]


class Dialect(NamedTuple):
    """Translates frames on their way in and out.

    Attributes:
        understand: Turns a client's frame, which may be no event at all, into one for the host;
            raises ``RequestError`` if it cannot.
        express: Turns a frame of the host into one for the client; ``None`` if it gets none.
    """

    understand: Callable[[str], str | bytes]
    express: Callable[[bytes], bytes | None]


def _unchanged(frame: Any) -> Any:  # noqa: ANN401 (the same type comes back)
    return frame


def _understand_beta(frame: str) -> str | bytes:
    try:
        event = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return frame  # the host says what is wrong with it
    if not isinstance(event, dict):
        return frame
    try:
        translated = current_event(event)
    except RequestError as error:
        event_id = event.get("event_id")
        if isinstance(event_id, str) and len(event_id) <= MAX_EVENT_ID_CHARS:
            error.event_id = event_id
        raise
    return frame if translated is event else encode(translated)


def _express_in_beta(frame: bytes) -> bytes | None:
    event = beta_event(msgspec.json.decode(frame))
    return None if event is None else encode(event)


DIALECTS: dict[DialectName, Dialect] = {
    "ga": Dialect(_unchanged, _unchanged),
    "beta": Dialect(_understand_beta, _express_in_beta),
}
"""What clients may speak: ``ga`` is the protocol as it is now."""
