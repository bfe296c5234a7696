"""The beta protocol, which the Realtime API spoke before it was generally available.

It differs in names and shapes only. Two functions translate a whole event as a JSON object, one
for each direction; what they do not know passes as it is, so that the rules of the protocol are
checked in one place, behind them.

The names are those of the hosted API's beta reference and of ``openai.types.beta.realtime``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from antiphon.errors import RequestError
from antiphon.wire.beta_session import DEFAULT_TEMPERATURE, flat_path, from_beta, to_beta

__all__ = ["beta_event", "current_event"]

JsonObject: TypeAlias = dict[str, Any]

_BETA_EVENTS = {
    "conversation.item.added": "conversation.item.created",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
}

_BETA_PARTS = {"output_text": "text", "output_audio": "audio"}

_RESPONSE_PARAMS = ("conversation", "input", "max_output_tokens", "metadata")
"""Parameters of one response that a session does not have. ``max_output_tokens`` is how the beta
reference called what its SDK calls ``max_response_output_tokens``."""


# --- from the client ------------------------------------------------------------------------------


def current_event(event: JsonObject) -> JsonObject:
    """Return a client's event as the present protocol has it.

    Args:
        event: Any JSON object; it is left as it is.

    Raises:
        RequestError: ``invalid_value``; an audio format is not one of the beta protocol's.
    """
    match event:
        case {"type": "session.update", "session": dict(flat)}:
            session = {**_current_settings("session", flat), "type": "realtime"}
            return {**event, "session": session}
        case {"type": "transcription_session.update", "session": dict(flat)}:
            session = {**_current_settings("session", flat), "type": "transcription"}
            return {**event, "type": "session.update", "session": session}
        case {"type": "response.create", "response": dict(flat)}:
            params = {name: flat[name] for name in _RESPONSE_PARAMS if name in flat}
            return {**event, "response": {**params, **_current_settings("response", flat)}}
        case _:
            # Items need nothing: messages take the old names of their parts as well.
            return event


def _current_settings(owner: str, flat: JsonObject) -> JsonObject:
    try:
        return from_beta(flat)
    except RequestError as error:
        error.param = f"{owner}.{error.param}"
        raise


# --- to the client --------------------------------------------------------------------------------


def beta_event(event: JsonObject) -> JsonObject | None:
    """Return a server's event as the beta protocol has it; ``None`` if it has none like it.

    Args:
        event: An event of the present protocol, as a JSON object; it is left as it is.
    """
    kind = event["type"]
    if kind == "conversation.item.done":
        return None
    if kind.startswith("session.") and event["session"]["type"] == "transcription":
        kind = f"transcription_{kind}"
    translated = {key: turn(event[key]) for key, turn in _TRANSLATIONS.items() if key in event}
    return {**event, **translated, "type": _BETA_EVENTS.get(kind, kind)}


def _beta_session(session: JsonObject) -> JsonObject:
    flat = to_beta(session)
    if session["type"] == "transcription":
        return flat
    return {**flat, "temperature": DEFAULT_TEMPERATURE}


def _beta_response(response: JsonObject) -> JsonObject:
    flat = to_beta(response)
    return {
        "object": response["object"],
        "id": response["id"],
        "status": response["status"],
        "status_details": response["status_details"],
        "output": [_beta_item(item) for item in response["output"]],
        "conversation_id": response["conversation_id"],
        "modalities": flat["modalities"],
        "voice": flat["voice"],
        "output_audio_format": flat["output_audio_format"],
        "temperature": DEFAULT_TEMPERATURE,
        "max_output_tokens": response["max_output_tokens"],
        "usage": response["usage"],
        "metadata": response["metadata"],
    }


def _beta_item(item: JsonObject) -> JsonObject:
    translated = {**item, "object": "realtime.item"}
    if "content" in item:
        translated["content"] = [
            {**part, "type": _BETA_PARTS.get(part["type"], part["type"])}
            for part in item["content"]
        ]
    return translated


def _beta_error(error: JsonObject) -> JsonObject:
    """Name the field that the client sent, not the one that it was translated to."""
    owner, _, path = (error["param"] or "").partition(".")
    if not path or owner not in {"session", "response"}:
        return error
    param = f"{owner}.{flat_path(path)}"
    return {**error, "param": param, "message": error["message"].replace(error["param"], param)}


_TRANSLATIONS: dict[str, Callable[[JsonObject], JsonObject]] = {
    "session": _beta_session,
    "response": _beta_response,
    "item": _beta_item,
    "error": _beta_error,
}
"""How to translate what an event carries, by its key."""
