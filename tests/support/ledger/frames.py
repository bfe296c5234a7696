"""Frames as the client reads them, and the official SDK's word that it can."""

from typing import Any, get_args

import msgspec
from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel

__all__ = ["BYTES_PER_MS", "Frame", "audio_ms", "read_frame"]

Frame = dict[str, Any]
"""An event as the client reads it, or means it."""

BYTES_PER_MS = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}
"""Of the wire's formats: 24 000 samples of two bytes a second, or 8 000 of one."""


def _models() -> dict[str, type[BaseModel]]:
    """The SDK's type of each event. The union itself would try one after the other."""
    union, *_ = get_args(RealtimeServerEvent)
    models: dict[str, type[BaseModel]] = {}
    for model in get_args(union):
        (kind,) = get_args(model.model_fields["type"].annotation)
        models[kind] = model
    return models


_MODELS = _models()


def read_frame(text: str | bytes) -> Frame:
    """Return the event in a frame.

    Raises:
        AssertionError: The protocol has no event of that type.
        pydantic.ValidationError: The official SDK, in strict mode, would not take it.
    """
    frame: Frame = msgspec.json.decode(text)
    model = _MODELS.get(frame["type"])
    assert model is not None, f"no client knows an event of type {frame['type']!r}"
    model.model_validate_json(text, strict=True)
    return frame


def audio_ms(base64_text: str, audio_format: Frame) -> float:
    """Return how long audio lasts."""
    padding = base64_text.count("=", -2)
    return (len(base64_text) // 4 * 3 - padding) / BYTES_PER_MS[audio_format["type"]]
