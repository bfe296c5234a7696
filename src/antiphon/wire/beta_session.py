"""Session objects of the retired beta, which are flat, and the same settings as they are today.

Both directions work on JSON objects, field by field along one table, so that absent fields stay
absent and faults are found by the types of today.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from antiphon.errors import RequestError
from antiphon.wire.refusal import listed

__all__ = ["DEFAULT_TEMPERATURE", "flat_path", "from_beta", "to_beta"]

JsonObject: TypeAlias = dict[str, Any]

DEFAULT_TEMPERATURE = 0.8
"""Reported whatever a client says, since a temperature changes nothing."""

# In the order in which the beta wrote them.
_PATHS: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "object": ("object",),
    "model": ("model",),
    "modalities": ("output_modalities",),
    "instructions": ("instructions",),
    "voice": ("audio", "output", "voice"),
    "input_audio_format": ("audio", "input", "format"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "speed": ("audio", "output", "speed"),
    "tracing": ("tracing",),
    "tools": ("tools",),
    "tool_choice": ("tool_choice",),
    "max_response_output_tokens": ("max_output_tokens",),
    "expires_at": ("expires_at",),
    "prompt": ("prompt",),
    "include": ("include",),
}

_FORMATS: dict[str, JsonObject] = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_FORMAT_NAMES = {audio_format["type"]: name for name, audio_format in _FORMATS.items()}

_SPOKEN = ["audio", "text"]  # speech came with its transcript, and both were named


def from_beta(flat: JsonObject) -> JsonObject:
    """Return a beta session's settings as a patch of today's kind, without its ``type``.

    Fields that have no counterpart are left out.

    Raises:
        RequestError: ``invalid_value``; a format is not one of the beta's. ``param`` is flat.
    """
    nested: JsonObject = {}
    for name, value in flat.items():
        if name not in _PATHS:
            continue
        *parents, last = _PATHS[name]
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = _from_beta(name, value)
    return nested


def to_beta(session: JsonObject) -> JsonObject:
    """Return a session's settings as the beta's flat object, those that it has."""
    flat: JsonObject = {}
    for name, path in _PATHS.items():
        value: Any = session
        for key in path:
            if not isinstance(value, dict) or key not in value:
                break
            value = value[key]
        else:
            flat[name] = _to_beta(name, value)
    return flat


def flat_path(path: str) -> str:
    """Return the beta's path of a field inside a session object of today."""
    for name, keys in _PATHS.items():
        nested = ".".join(keys)
        rest = path.removeprefix(nested)
        if path.startswith(nested) and (not rest or rest[0] in ".["):
            return name + rest
    return path


def _from_beta(name: str, value: Any) -> Any:  # noqa: ANN401
    match name, value:
        case (("input_audio_format" | "output_audio_format"), str()):
            if value not in _FORMATS:
                message = f"Invalid value: '{value}'. Supported values are: {listed(_FORMATS)}."
                raise RequestError(message, code="invalid_value", param=name)
            return _FORMATS[value]
        case "modalities", [*names] if sorted(map(str, names)) == _SPOKEN:
            return ["audio"]
        case "turn_detection", dict():
            return {"type": "server_vad", **value}
        case _:
            return value


def _to_beta(name: str, value: Any) -> Any:  # noqa: ANN401
    match name, value:
        case (("input_audio_format" | "output_audio_format"), {"type": kind}):
            return _FORMAT_NAMES[kind]
        case "modalities", ["audio"]:
            return _SPOKEN
        case "voice", {"id": voice_id}:
            return voice_id
        case _:
            return value
