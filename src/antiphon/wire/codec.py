"""Frames to events and events to frames.

A frame that fits costs one pass of msgspec. A frame that does not is looked at a second time, so
that the refusal names the field, the value, the limit, and the client's own id of the event.
"""

from __future__ import annotations

from typing import Any, TypeVar, get_args

import msgspec

from antiphon.errors import RequestError
from antiphon.wire.client_events import ClientEvent
from antiphon.wire.fields import MAX_EVENT_ID_CHARS
from antiphon.wire.refusal import explain, listed
from antiphon.wire.translation import TranslationClientEvent

__all__ = [
    "decode_as",
    "decode_client_event",
    "decode_translation_event",
    "encode",
]

_T = TypeVar("_T")

_client_events: msgspec.json.Decoder[ClientEvent] = msgspec.json.Decoder(ClientEvent)
_translation_events: msgspec.json.Decoder[TranslationClientEvent] = msgspec.json.Decoder(
    TranslationClientEvent
)
_encoder = msgspec.json.Encoder()

encode = _encoder.encode
"""``encode(event) -> bytes``: the UTF-8 JSON of an event, a body, or a part of one."""


def decode_client_event(frame: str | bytes) -> ClientEvent:
    """Return the event in a frame.

    Unknown fields are ignored.

    Args:
        frame: One JSON object; bytes are UTF-8.

    Raises:
        RequestError: The frame is not an event; ``event_id`` is the client's, if it can be read.
    """
    return _decode_event(_client_events, frame)


def decode_translation_event(frame: str | bytes) -> TranslationClientEvent:
    """Return the event in a frame of a translation session; otherwise as the above."""
    return _decode_event(_translation_events, frame)


def decode_as(body: str | bytes, wanted: type[_T]) -> _T:
    """Return the object of a type in a JSON text, such as an HTTP body or a kept response.

    Unknown fields are ignored.

    Args:
        body: One JSON value; bytes are UTF-8.
        wanted: A struct of this package.

    Raises:
        RequestError: The text is not JSON, or its value does not fit the type.
    """
    try:
        return msgspec.json.decode(body, type=wanted)
    except msgspec.ValidationError as error:
        raise explain(wanted, _parse(body), error) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _not_json(error) from None


def _decode_event(decoder: msgspec.json.Decoder[_T], frame: str | bytes) -> _T:
    try:
        return decoder.decode(frame)
    except msgspec.ValidationError as error:
        raise _refuse_event(decoder.type, frame, error) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _not_json(error) from None


def _refuse_event(
    union: Any,  # noqa: ANN401
    frame: str | bytes,
    error: msgspec.ValidationError,
) -> RequestError:
    value = _parse(frame)
    if not isinstance(value, dict):
        return RequestError(
            "The event is not a JSON object. Send one JSON object with a 'type' field per frame.",
            code="invalid_event",
        )
    if "type" not in value:
        refusal = RequestError("The 'type' field is missing.", code="invalid_event", param="type")
    else:
        refusal = _of_other_sessions(union, value["type"]) or explain(union, value, error)
    event_id = value.get("event_id")
    if isinstance(event_id, str) and len(event_id) <= MAX_EVENT_ID_CHARS:
        refusal.event_id = event_id
    return refusal


def _of_other_sessions(union: Any, kind: Any) -> RequestError | None:  # noqa: ANN401
    """Return the refusal of an event that only sessions of another kind take."""
    speech, translation = _tags(ClientEvent), _tags(TranslationClientEvent)
    if union == TranslationClientEvent and kind in speech and kind not in translation:
        message = (
            f"'{kind}' is an event of speech sessions. A translation session takes "
            f"{listed(translation)}."
        )
    elif union == ClientEvent and kind in translation and kind not in speech:
        message = (
            f"'{kind}' is an event of translation sessions. Connect to /v1/realtime/translations "
            "for one."
        )
    else:
        return None
    return RequestError(message, code="invalid_value", param="type")


def _tags(union: Any) -> list[str]:  # noqa: ANN401
    return [event.__struct_config__.tag for event in get_args(union)]


def _parse(text: str | bytes) -> Any:  # noqa: ANN401
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _not_json(error) from None


def _not_json(error: Exception) -> RequestError:
    if isinstance(error, RecursionError):
        return RequestError(
            "The JSON is nested too deeply. Send fewer levels of arrays and objects.",
            code="invalid_event",
        )
    reason = str(error).partition(" - at ")[0]  # msgspec's path means nothing to the client
    return RequestError(f"The text is not valid JSON: {reason}.", code="invalid_event")
